"""A volunteer as the service knows him: coarse words. Who it is stands elsewhere, and not here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts
from volunteers.domain.change import Change, after

ACTIVE, ERASED = "active", "erased"
MINOR, ADULT, SENIOR = "minor", "adult", "senior"
COMMUNITY_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Ages:
    """The profile's ages, in full years."""

    least: int
    adult: int
    senior: int

    def band(self, age: int) -> str:
        if age < self.adult:
            return MINOR
        return ADULT if age < self.senior else SENIOR

    def next_band_on(self, born: date, today: date) -> date | None:
        """The birthday on which the band changes next; None after the last."""
        coming = [birthday(born, years) for years in (self.adult, self.senior)]
        return next((day for day in coming if day > today), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volunteer:
    """`minutes` is confirmed service; `star` the highest step that it has reached."""

    id: str
    state: str
    version: int
    area: str
    age_band: str
    skills: tuple[str, ...]
    minutes: int
    star: int
    registered_at: datetime

    def active(self) -> None:
        """Errors: `volunteer_erased`."""
        if self.state != ACTIVE:
            raise Refusal("volunteer_erased", volunteer=self.id)


def birthday(born: date, years: int) -> date:
    """The day on which somebody is so many years old; born on 29 February: 1 March, where there is no such day."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def age_on(born: date, day: date) -> int:
    """Full years."""
    years = day.year - born.year
    return years if birthday(born, years) <= day else years - 1


def check_age(ages: Ages, age: int, *, guardian: str | None) -> None:
    """Whether somebody of that age may register. Errors: `too_young`, `guardian_missing`."""
    if age < ages.least:
        raise Refusal("too_young", least=ages.least)
    if age < ages.adult and guardian is None:
        raise Refusal("guardian_missing", adult=ages.adult)


def coarse(area: str) -> str:
    """The community of an area: finer is not kept (PIPL 6: as little as needed)."""
    return area[:COMMUNITY_DIGITS]


def register(*, volunteer: str, area: str, age_band: str, skills: tuple[str, ...], now: datetime) -> Change[Volunteer]:
    """A resident becomes a volunteer."""
    made = Volunteer(
        id=volunteer,
        state=ACTIVE,
        version=0,
        area=area,
        age_band=age_band,
        skills=skills,
        minutes=0,
        star=0,
        registered_at=now,
    )
    return after(
        made, facts.VolunteerRegistered(volunteer=volunteer, area=area, age_band=age_band, skills=list(skills))
    )


def correct(
    volunteer: Volunteer, *, area: str, age_band: str, skills: tuple[str, ...], fields: list[str]
) -> Change[Volunteer]:
    """Records are put right at the volunteer's request (PIPL 46). Errors: `volunteer_erased`."""
    volunteer.active()
    fact = facts.VolunteerCorrected(
        volunteer=volunteer.id, area=area, age_band=age_band, skills=list(skills), fields=fields
    )
    return after(volunteer, fact, area=area, age_band=age_band, skills=skills)


def grow(volunteer: Volunteer, age_band: str) -> Change[Volunteer]:
    """Birthdays pass; nothing happens while the band is the same."""
    if volunteer.state != ACTIVE or volunteer.age_band == age_band:
        return Change(volunteer)
    return after(volunteer, facts.VolunteerAged(volunteer=volunteer.id, age_band=age_band), age_band=age_band)


def erase(volunteer: Volunteer) -> Change[Volunteer]:
    """The volunteer goes (PIPL 47): of skills and age nothing is left, of service only the sum.

    Errors: `volunteer_erased`."""
    volunteer.active()
    return after(volunteer, facts.VolunteerErased(volunteer=volunteer.id), state=ERASED, skills=())


def read(volunteer: Volunteer, *, power: str, purpose: str) -> Change[Volunteer]:
    """Personal data is read; that is all that is told of it. Errors: `volunteer_erased`."""
    volunteer.active()
    return after(volunteer, facts.RecordRead(volunteer=volunteer.id, power=power, purpose=purpose))


def attend(volunteer: Volunteer, *, training: str, course: str, valid_until: datetime) -> Change[Volunteer]:
    """The volunteer is trained. Errors: `volunteer_erased`."""
    volunteer.active()
    fact = facts.TrainingAttended(volunteer=volunteer.id, training=training, course=course, valid_until=valid_until)
    return after(volunteer, fact)


def credit(
    volunteer: Volunteer, *, activity: str, shift: str, minutes: int, stars_h: tuple[int, ...]
) -> Change[Volunteer]:
    """Confirmed minutes are added, also to somebody who has gone since; each step passed is a star of its own."""
    fact = facts.HoursCredited(
        volunteer=volunteer.id,
        activity=activity,
        shift=shift,
        minutes=minutes,
        total_minutes=volunteer.minutes + minutes,
    )
    return _with_stars(volunteer, fact, fact.total_minutes, stars_h)


def put_right(
    volunteer: Volunteer, *, activity: str, shift: str, minutes: int, stars_h: tuple[int, ...]
) -> Change[Volunteer]:
    """The record is corrected by so many minutes, more or fewer (domain.md §7). A star once awarded stays."""
    fact = facts.HoursCorrected(
        volunteer=volunteer.id,
        activity=activity,
        shift=shift,
        minutes=minutes,
        total_minutes=volunteer.minutes + minutes,
    )
    return _with_stars(volunteer, fact, fact.total_minutes, stars_h)


def _with_stars(volunteer: Volunteer, fact: object, total: int, stars_h: tuple[int, ...]) -> Change[Volunteer]:
    reached = stars(total, stars_h)
    awarded = [
        facts.StarAwarded(volunteer=volunteer.id, star=star, total_minutes=total)
        for star in range(volunteer.star + 1, reached + 1)
    ]
    return after(volunteer, fact, *awarded, minutes=total, star=max(volunteer.star, reached))


def stars(minutes: int, steps_h: tuple[int, ...]) -> int:
    """How many of the profile's steps these minutes have reached; a step counts from its very minute on."""
    return sum(minutes >= hours * 60 for hours in steps_h)
