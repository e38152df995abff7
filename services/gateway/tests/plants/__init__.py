"""Planted violations, in files named as those of the auditor that find them."""

from . import (
    g1_one_responsible,
    g2_duty_has_power,
    g3_power_has_duty,
    g4_duty_has_money,
    g5_bills,
    g5_money_has_work,
    g6_named_authority,
    g7_records,
)
from .planting import PLANTS

__all__ = [
    "PLANTS",
    "g1_one_responsible",
    "g2_duty_has_power",
    "g3_power_has_duty",
    "g4_duty_has_money",
    "g5_bills",
    "g5_money_has_work",
    "g6_named_authority",
    "g7_records",
]
