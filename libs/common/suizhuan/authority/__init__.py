"""The authority protocol (authority.md) as seen from every service: replica, routing, guard."""
