"""Teams 服务队: by kind of work (司法, 文化, 医疗, 环卫 …), or for a project."""

from __future__ import annotations

from dataclasses import dataclass

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts
from volunteers.domain.change import Change, after
from volunteers.domain.volunteer import Volunteer

STANDING, DISSOLVED = "standing", "dissolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team of organisation `org` in `area`."""

    id: str
    state: str
    version: int
    org: str
    kind: str
    project: str | None
    area: str
    members: int

    def stands(self) -> None:
        """Errors: `team_dissolved`."""
        if self.state != STANDING:
            raise Refusal("team_dissolved", team=self.id)


def found(*, team: str, org: str, kind: str, project: str | None, area: str) -> Change[Team]:
    """A team begins, without members."""
    made = Team(id=team, state=STANDING, version=0, org=org, kind=kind, project=project, area=area, members=0)
    return after(made, facts.TeamFounded(team=team, org=org, kind=kind, project=project, area=area))


def join(team: Team, volunteer: Volunteer, *, member: bool) -> Change[Team]:
    """A volunteer joins; who is in it already stays. Errors: `team_dissolved`, `volunteer_erased`."""
    team.stands()
    volunteer.active()
    if member:
        return Change(team)
    return after(team, facts.TeamJoined(team=team.id, volunteer=volunteer.id), members=team.members + 1)


def leave(team: Team, volunteer: str, *, member: bool) -> Change[Team]:
    """A volunteer leaves, whenever he wants; also a team that is dissolved."""
    if not member:
        return Change(team)
    return after(team, facts.TeamLeft(team=team.id, volunteer=volunteer), members=team.members - 1)


def dissolve(team: Team) -> Change[Team]:
    """The team ends. Errors: `team_dissolved`."""
    team.stands()
    return after(team, facts.TeamDissolved(team=team.id), state=DISSOLVED)
