"""The founding document: true to the facts, whole, and refused when it is not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from suizhuan.kernel.area import contains
from suizhuan.profile import Profile, load_profile
from suizhuan.seed import NEVER_PLACED, Seed, SeedError, load_seed

HERE = Path(__file__).parents[3] / "deploy" / "seed"
SEED = HERE / "xiangli.seed.yaml"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def seed() -> Seed:
    return load_seed(SEED)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile("demonstration")


@pytest.fixture(scope="module")
def facts() -> Any:
    return yaml.safe_load((HERE / "xiangli.yaml").read_text(encoding="utf-8"))


def totals(seed: Seed, profile: Profile, org: str, kind: str) -> int:
    """The fen of an organisation's accounts of one kind, debit positive."""
    accounts = {code for code, account in profile.accounts.items() if account.kind == kind}
    return sum(fen for (who, account), fen in seed.balances().items() if who == org and account in accounts)


def debits(seed: Seed, org: str, prefix: str) -> list[int]:
    """The debit of each journal entry of an organisation whose id begins so, in the order of the file."""
    journal = [entry for entry in seed.entries if entry.kind == "journal" and entry.id.startswith(prefix)]
    return [
        sum(line.amount_fen for line in entry.lines if line.org == org and line.amount_fen > 0) for entry in journal
    ]


def test_every_category_and_tariff_of_the_profile_has_its_affair(seed: Seed, profile: Profile) -> None:
    placeable = {affair.code for affair in seed.affairs if affair.list not in NEVER_PLACED}
    assert {category.affair for category in profile.categories} <= placeable
    assert set(profile.tariffs) <= placeable


def test_every_affair_of_a_category_has_a_tariff(profile: Profile) -> None:
    assert {category.affair for category in profile.categories} == set(profile.tariffs)


def test_the_test_profile_fits_the_seed_too(seed: Seed) -> None:
    assert load_seed(SEED, load_profile("test")) == seed


def test_the_communities_are_those_of_the_facts(seed: Seed, facts: Any) -> None:
    real = {area.name.zh: area for area in seed.areas if area.kind == "community"}
    told = [*facts["communities"], *facts["quasi_communities"]]
    assert set(real) == {entry["name"] for entry in told}
    for entry in told:
        area = real[entry["name"]]
        assert area.synthetic == ("code" not in entry)
        assert area.code == entry.get("code", area.code)
    codes = sorted(area.code for area in real.values() if area.synthetic)
    assert codes == [f"3213020029{n:02d}" for n in range(1, 11)]


def test_every_community_has_its_organisation_and_keeps_its_accounts(seed: Seed) -> None:
    communities = {org.areas[0]: org.id for org in seed.organisations if org.kind == "community"}
    keepers = {m.area: m for m in seed.mandates if m.affair == "community.accounts"}
    assert {area: mandate.holder for area, mandate in keepers.items()} == communities
    assert all(len(set(mandate.staff)) == 2 for mandate in keepers.values())  # bookkeeper and cashier


def test_nanguan_earns_525000_yuan_and_spends_750000(seed: Seed, profile: Profile, facts: Any) -> None:
    told = facts["accounts"]["南关社区"]
    assert totals(seed, profile, "community-nanguan", "income") == -525_000_00
    assert totals(seed, profile, "community-nanguan", "expense") == 750_000_00 == told["spending_stated_total_fen"]
    assert sum(item["fen"] for item in told["income"]) == 525_000_00
    spent = [item["fen"] for item in told["spending"]]
    assert debits(seed, "community-nanguan", "nanguan-")[-len(spent) :] == spent


def test_the_prepaid_rent_of_the_plant_is_a_liability(seed: Seed, profile: Profile) -> None:
    (plant,) = [entry for entry in seed.entries if entry.id == "nanguan-plant"]
    assert sorted(line.amount_fen for line in plant.lines) == [-3_000_000, -1_500_000, 4_500_000]
    assert totals(seed, profile, "community-nanguan", "liability") == -30_000_00


def test_xiangli_is_booked_with_what_the_report_says_and_no_more(seed: Seed, profile: Profile, facts: Any) -> None:
    told = facts["accounts"]["项里社区"]
    assert totals(seed, profile, "community-xiangli", "income") == -told["income"][0]["fen"]
    assert totals(seed, profile, "community-xiangli", "expense") == sum(item["fen"] for item in told["spending"])
    assert totals(seed, profile, "community-xiangli", "expense") == 1_380_000_00


def test_the_property_firm_keeps_books_of_its_own_and_breaks_even(seed: Seed, profile: Profile, facts: Any) -> None:
    (told,) = facts["separate_entities"]
    assert totals(seed, profile, "firm-xingfujiayuan", "income") == -told["income_fen"]
    assert totals(seed, profile, "firm-xingfujiayuan", "expense") == told["income_fen"]
    for entry in seed.entries:
        orgs = {line.org for line in entry.lines}
        assert not {"firm-xingfujiayuan", "community-nanguan"} <= orgs


def test_what_the_facts_do_not_give_is_marked_as_made_up(seed: Seed) -> None:
    assert all(person.synthetic for person in (*seed.staff, *seed.residents))
    assert all(mandate.synthetic for mandate in seed.mandates)
    assert all(entry.synthetic for entry in seed.entries if entry.kind == "budget")
    assert all(entry.synthetic for entry in seed.entries if entry.kind == "opening" and "存款" in entry.memo)


def test_the_twenty_certificates_are_those_of_the_profile(seed: Seed, profile: Profile) -> None:
    forbidden = [affair.name for affair in seed.affairs if affair.list == "forbidden_certificate"]
    assert forbidden == list(profile.forbidden_certificates)
    assert len([affair for affair in seed.affairs if affair.list == "certificate"]) == 5


def test_governance_begins_where_it_is_needed(seed: Seed) -> None:
    powers = {affair.code: (affair.owner, set(affair.powers)) for affair in seed.affairs}
    assert powers["gov.register"] == (
        "district-sucheng",
        {"mandates.organisation.register", "mandates.affair.list"},
    )
    assert powers["gov.admission"] == ("dept-civil-affairs", {"mandates.mandate.admit"})
    placed = {(m.affair, m.holder, m.area, m.role) for m in seed.mandates}
    assert ("gov.admission", "street-xiangli", "321302002", "lead") in placed
    assert ("gov.verification", "street-xiangli", "321302002", "lead") in placed
    assert ("env.exposed-rubbish", "firm-jiecheng", "321302002", "assist") in placed
    assert ("env.accumulated-waste", "firm-jiecheng", "321302002", "lead") in placed


def test_whoever_handles_a_case_does_not_verify_it_in_the_street(seed: Seed) -> None:
    verifiers = {m.holder for m in seed.mandates if m.affair == "gov.verification"}
    handlers = {m.holder for m in seed.mandates if "complaints.case.handle" in m.powers}
    owners = {affair.owner for affair in seed.affairs if "complaints.case.handle" in affair.powers}
    assert not verifiers & (handlers | owners)


def test_a_mandate_runs_from_the_founding(seed: Seed) -> None:
    founded = datetime(2026, 3, 2, tzinfo=UTC)
    assert seed.mandates[0].window(founded) == (founded, founded + timedelta(days=365))


def test_areas_lie_in_the_root(seed: Seed, profile: Profile) -> None:
    assert all(contains(profile.root_area, area.code) for area in seed.areas)


def _find(document: dict[str, Any], section: str, key: str, value: str) -> Any:
    return next(entry for entry in document[section] if entry[key] == value)


WRONG: dict[str, tuple[Change, str, str]] = {
    "a parent nobody knows": (
        lambda d: d["organisations"][3].update(parent="dept-x"),
        "organisations.3.parent",
        "dept-x",
    ),
    "an area nobody knows": (
        lambda d: d["organisations"][3].update(areas=["321302003"]),
        "organisations.3",
        "321302003",
    ),
    "an area outside": (lambda d: d["areas"][3].update(code="321303"), "areas.3.code", "outside the root area"),
    "an organisation twice": (
        lambda d: d["organisations"].append(d["organisations"][0]),
        "organisations",
        "stands twice",
    ),
    "an employer nobody knows": (lambda d: d["staff"][0].update(org="dept-x"), "staff.0.org", "dept-x"),
    "a resident of nowhere": (lambda d: d["residents"][0].update(area="321302099"), "residents.0.area", "321302099"),
    "an owner nobody knows": (lambda d: d["affairs"][0].update(owner="dept-x"), "affairs.0.owner", "dept-x"),
    "an owner without the root": (
        lambda d: d["affairs"][0].update(owner="street-xiangli"),
        "affairs.0.owner",
        "does not hold the root area",
    ),
    "a duty without power": (lambda d: d["affairs"][0].update(powers=[]), "affairs.0.powers", "duty without power"),
    "a power its owner lacks": (
        lambda d: d["affairs"][0].update(powers=["mandates.grant.invent"]),
        "affairs.0.owner_powers",
        "mandates.grant.invent",
    ),
    "a power badly written": (lambda d: d["affairs"][0].update(powers=["everything"]), "affairs.0.powers.0", "pattern"),
    "a category without its affair": (
        lambda d: d["affairs"].remove(_find(d, "affairs", "code", "env.water")),
        "affairs",
        "category 01-05, env.water",
    ),
    "a mandate on nothing": (lambda d: d["mandates"][2].update(affair="env.x"), "mandates.2.affair", "env.x"),
    "a mandate on a forbidden item": (
        lambda d: d["mandates"][2].update(affair="forbidden.demolition"),
        "mandates.2.affair",
        "cannot be placed",
    ),
    "a mandate to nobody": (lambda d: d["mandates"][2].update(holder="firm-x"), "mandates.2.holder", "firm-x"),
    "a mandate by a stranger": (
        lambda d: d["mandates"][2].update(giver="dept-water"),
        "mandates.2.giver",
        "belongs to dept-sanitation",
    ),
    "staff of another": (
        lambda d: d["mandates"][2].update(staff=["staff-lvjie-01"]),
        "mandates.2.staff",
        "does not work for firm-jiecheng",
    ),
    "a mandate without staff": (lambda d: d["mandates"][2].update(staff=[]), "mandates.2.staff", "at least 1"),
    "a mandate without an end": (lambda d: d["mandates"][2].pop("ends"), "mandates.2.ends", "is missing"),
    "a mandate that ends first": (
        lambda d: d["mandates"][2].update(ends={"days": 0}),
        "mandates.2.ends",
        "after starts",
    ),
    "more power than the affair gives": (
        lambda d: d["mandates"][2].update(powers=["complaints.case.verify"]),
        "mandates.2.powers",
        "complaints.case.verify",
    ),
    "a community that leads an assist item": (
        lambda d: d["mandates"].insert(
            0,
            d["mandates"][4]
            | {
                "id": "m-x",
                "affair": "street.vendors",
                "giver": "dept-urban-management",
                "powers": ["complaints.case.handle"],
            },
        ),
        "mandates.0.role",
        "never leads an assist item",
    ),
    "two leads in one slot": (
        lambda d: d["mandates"].append(d["mandates"][3] | {"id": "m-x", "amount_fen": 0}),
        "mandates",
        "two lead mandates",
    ),
    "a mandate that cannot be funded": (
        lambda d: d["mandates"][3].update(amount_fen=20_000_001),
        "mandates.3.amount_fen",
        "cannot fund",
    ),
    "an entry that does not balance": (
        lambda d: _find(d, "entries", "id", "nanguan-rent")["lines"][0].update(amount_fen=30_000_001),
        "entries.",
        "does not balance for community-nanguan: 0.01",
    ),
    "an entry that balances only across organisations": (
        lambda d: _find(d, "entries", "id", "nanguan-rent")["lines"][0].update(org="community-xiangli"),
        "entries.",
        "does not balance for community-xiangli",
    ),
    "an account outside the chart": (
        lambda d: d["entries"][0]["lines"][0].update(account="999"),
        "entries.0.lines.0.account",
        "999",
    ),
    "a bank below zero": (
        lambda d: d["entries"].remove(_find(d, "entries", "id", "nanguan-opening-cash")),
        "entries.",
        "leaves community-nanguan with -",
    ),
    "an empty line": (lambda d: d["entries"][0]["lines"][0].update(amount_fen=0), "entries.0.lines.0", "must not be 0"),
    "money as a float": (
        lambda d: d["entries"][0]["lines"][0].update(amount_fen=1.5),
        "entries.0.lines.0.amount_fen",
        "integer",
    ),
    "no facts beside it": (lambda d: d.update(facts="nowhere.yaml"), "facts", "nowhere.yaml"),
    "a field nobody knows": (lambda d: d.update(grants=[]), "grants", "is not a field here"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_the_file_the_field_and_the_reason(case: str, tmp_path: Path) -> None:
    change, field, reason = WRONG[case]
    document = yaml.safe_load(SEED.read_text(encoding="utf-8"))
    change(document)
    (tmp_path / "xiangli.yaml").write_text("{}", encoding="utf-8")
    path = tmp_path / "wrong.yaml"
    dumper = yaml.SafeDumper
    path.write_text(yaml.dump(document, Dumper=dumper, allow_unicode=True), encoding="utf-8")
    with pytest.raises(SeedError) as raised:
        load_seed(path)
    hits = [p for p in raised.value.problems if p.field.startswith(field) and reason in p.reason]
    assert hits, str(raised.value)
    assert hits[0].file == str(path)
