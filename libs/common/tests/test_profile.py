"""The jurisdiction profile: what it says, and how it says that something is wrong."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from suizhuan.kernel.worktime import Limit
from suizhuan.profile import Profile, ProfileError, load_profile

MINORS_OF_2007 = {1: range(1, 8), 2: [1], 3: range(1, 6), 4: range(1, 8), 5: [1, 2, 4, 5]}  # domain.md §4, by class
SAME_MATTER = {  # domain.md §4: 2013 -> 2026
    "01-10": "06010",
    "01-11": "06011",
    "01-12": "06012",
    "01-36": "06036",
    "02-03": "07003",
    "04-05": "09005",
    "04-06": "09006",
}


@pytest.fixture(scope="module")
def demonstration() -> Profile:
    return load_profile("demonstration")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def _write(text: str, name: str = "mine.yaml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return _write


def test_the_demonstration_has_the_times_of_the_authority_protocol(demonstration: Profile) -> None:
    timing = demonstration.authority.timing
    assert (timing.max_staleness, timing.max_act) == (timedelta(minutes=15), timedelta(seconds=5))
    assert timing.clock_error == timedelta(milliseconds=50)
    assert demonstration.authority.beat_interval_s == 1
    assert demonstration.authority.switch_deadline_s == 1800


def test_the_demonstration_has_no_lead_time(demonstration: Profile) -> None:
    assert demonstration.admission.lead_time_workdays == 0
    assert demonstration.admission.decision_workdays == 15


def test_every_minor_of_the_2007_dictionary_is_a_category(demonstration: Profile) -> None:
    minors = {f"{major:02d}-{minor:02d}" for major, listed in MINORS_OF_2007.items() for minor in listed}
    assert minors == {c.codes.get("cjt214_2007") for c in demonstration.categories} - {None}
    assert all(c.code == c.codes["cjt214_2007"] for c in demonstration.categories if "cjt214_2007" in c.codes)


def test_the_same_matter_is_one_category_in_2013_and_2026(demonstration: Profile) -> None:
    later = [c.codes for c in demonstration.categories if "gbt30428_2013" in c.codes]
    pairs = {codes["gbt30428_2013"]: codes["gbt47678_2026"] for codes in later}
    assert pairs == SAME_MATTER


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("01-01", "20 WD"),
        ("01-02", "4 WH"),
        ("01-03", "2 WD"),
        ("01-04", "2 WH"),
        ("01-06", "4 WH"),
        ("02-01", "5 WD"),
        ("nothing", "5 WD"),
    ],
)
def test_a_category_has_its_limit_or_the_default(demonstration: Profile, code: str, limit: str) -> None:
    assert demonstration.limit(code) == Limit.parse(limit)


def test_prices_are_marked_as_made_up_and_an_affair_without_one_costs_nothing(demonstration: Profile) -> None:
    assert "tariffs" in demonstration.synthetic
    assert demonstration.price_fen("env.exposed-rubbish") > 0
    assert demonstration.price_fen("gov.admission") == 0


def test_twenty_certificates_must_not_be_issued(demonstration: Profile) -> None:
    assert len({words.zh for words in demonstration.forbidden_certificates}) == 20


def test_the_chart_has_the_accounts_of_the_source_and_no_other(demonstration: Profile) -> None:
    balance_sheet = "101 102 111 112 113 121 141 151 152 154 201 202 211 212 221 241 301 311 321 322"
    profit_and_loss = "501 502 511 522 531 541 551 561"
    listed = f"{balance_sheet} {profit_and_loss}"
    assert set(demonstration.accounts) == set(listed.split())


def test_the_test_profile_is_the_demonstration_in_a_hurry(demonstration: Profile) -> None:
    hurried = load_profile("test")
    assert (hurried.authority.max_staleness_s, hurried.authority.max_act_s) == (4, 2)
    assert hurried.authority.clock_error_ms == demonstration.authority.clock_error_ms
    changed = {"name", "authority", "handover", "emergency"}
    assert hurried.model_dump(exclude=changed) == demonstration.model_dump(exclude=changed)


def test_stars_are_those_that_were_published_and_nobody_below_fourteen_serves(demonstration: Profile) -> None:
    found = demonstration.volunteering  # domain.md §7, §10
    assert found.stars_h == (100, 300, 600, 1000, 1500)
    assert (found.least_age, found.adult_age) == (14, 18)
    assert {"health", "psychology", "first-aid", "safety"} <= {one.code for one in found.training}
    assert [one.name.zh for one in found.awards] == ["清洁楼寓", "敬老之星", "公益模范", "爱心家庭"]


def test_another_place_has_other_stars(write: Callable[..., Path]) -> None:
    other = load_profile(write("extends: demonstration\nvolunteering: {stars_h: [30, 60, 100, 200, 300]}\n"))
    assert other.volunteering.stars_h == (30, 60, 100, 200, 300)


def test_a_profile_cannot_be_changed(demonstration: Profile) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        demonstration.handover.deadline_s = 1  # type: ignore[misc]


WRONG = {
    "a field nobody knows": ("handover: {deadlines: 3}", "handover.deadlines", "is not a field here"),
    "a limit": ('default_limit: "4 weeks"', "default_limit", "one of WH, WD, H, D"),
    "money as a float": ("tariffs: {env.green: 1.5}", "tariffs.env.green", "integer"),
    "money as text": ('tariffs: {env.green: "15"}', "tariffs.env.green", "integer"),
    "money below zero": ("tariffs: {env.green: -1}", "tariffs.env.green", "greater than or equal to 0"),
    "an area as a number": ("root_area: 321302", "root_area", "as text"),
    "an area that is not trimmed": ('root_area: "321302000"', "root_area", "321302"),
    "weights": ("evaluation: {peers_weight: 11}", "evaluation", "add up to 100"),
    "hours": ("working_hours: [[13:30, 12:00]]", "working_hours", "13:30 stands before 12:00"),
    "a time": ("working_hours: [[9, 12]]", "working_hours.0.0", "HH:MM"),
    "a beat too slow": ("authority: {beat_interval_s: 2}", "authority", "at most 1"),
    "a switch too short": ("authority: {switch_deadline_s: 900}", "authority", "no lease can ever run out"),
    "no such account": ('account_roles: {bank: "999"}', "", "999"),
    "a made-up field name": ("synthetic: [prices]", "synthetic", "prices"),
    "two channels of one code": (
        "channels: [{code: web, name: {zh: 网, en: Web}}, {code: web, name: {zh: 网, en: Web}}]",
        "channels",
        "web",
    ),
    "a repair that becomes no case": (
        "property: {repairs: {kinds: [{code: lift, name: {zh: 梯, en: Lift}, category: 77-77}]}}",
        "",
        "77-77",
    ),
    "two repairs of one code": (
        "property: {repairs: {kinds: [&lift {code: lift, name: {zh: 梯, en: Lift}, category: 90-01}, *lift]}}",
        "",
        "lift",
    ),
    "a norm of nothing": ("property: {premises: {m2_per_100_households: 0}}", "property.premises", "greater"),
    "stars that fall": ("volunteering: {stars_h: [100, 100]}", "volunteering", "must rise"),
    "ages that fall": ("volunteering: {least_age: 18}", "volunteering", "must rise"),
    "a training nobody gives": ("volunteering: {training_first: [flying]}", "volunteering", "flying"),
    "two skills of one code": (
        "volunteering: {skills: [{code: law, name: {zh: 法, en: L}}, {code: law, name: {zh: 法, en: L}}]}",
        "volunteering.skills",
        "law",
    ),
    "an emergency nobody knows": ("emergency: {kinds: {boredom: {zh: 闲, en: B}}}", "emergency.kinds.boredom", "life"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_the_file_the_field_and_the_reason(case: str, write: Callable[..., Path]) -> None:
    text, field, reason = WRONG[case]
    path = write(f"extends: demonstration\n{text}\n")
    with pytest.raises(ProfileError) as raised:
        load_profile(path)
    problem = raised.value.problems[0]
    assert problem.file == str(path)
    assert problem.field.startswith(field)
    assert reason in problem.reason
    assert str(problem) in str(raised.value)


def test_an_error_names_the_file_from_which_the_field_comes(write: Callable[..., Path]) -> None:
    below = write("extends: demonstration\nhandover: {deadline_s: soon}\n", "below.yaml")
    above = write("extends: below.yaml\nname: {zh: 上}\n", "above.yaml")
    with pytest.raises(ProfileError) as raised:
        load_profile(above)
    assert {(p.file, p.field) for p in raised.value.problems} == {(str(below), "handover.deadline_s")}


def test_a_missing_field_is_named(write: Callable[..., Path]) -> None:
    with pytest.raises(ProfileError) as raised:
        load_profile(write("name: {zh: 空, en: Empty}\n"))
    assert {"authority", "tariffs", "accounts"} <= {p.field for p in raised.value.problems}
    assert {p.reason for p in raised.value.problems} == {"is missing"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: [", "not YAML"),
        ("- 1\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("name: {zh: a, zh: b}", "stands twice"),
        ("1: a", "a key must be text"),
        ("extends: mine.yaml", "circle"),
        ("extends: [demonstration]", "must name a profile"),
        ("extends: nowhere", "no such file"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("a: &a [*a]", "is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(
    text: str, reason: str, write: Callable[..., Path]
) -> None:
    with pytest.raises(ProfileError, match=reason):
        load_profile(write(text))


def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(ProfileError, match=r"profiles/atlantis\.yaml: there is no such file"):
        load_profile("atlantis")


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile(path)


def test_a_circle_by_another_path_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: ../{tmp_path.name}/mine.yaml\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="circle"):
        load_profile(path)
