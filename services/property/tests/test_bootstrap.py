"""What a district is founded with: the real file of the demonstration, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from property.bootstrap import bootstrap, load
from suizhuan.seed import Seed, SeedError, load_seed

from .conftest import FIRM, NANGUAN, STREET, World

SEED = Path(__file__).parents[3] / "deploy/seed/xiangli.seed.yaml"


@pytest.fixture(scope="module")
def seed() -> Seed:
    return load_seed(SEED)


async def test_the_street_is_founded_once_and_short_of_three_thousand_square_metres(empty: World, seed: Seed) -> None:
    """14,401 households want 4,320.3 m², eleven rooms of 120 m² are there (domain.md §2: ~3,000 m² short)."""
    assert await bootstrap(empty.service, seed) is True
    first = await empty.events()
    assert await bootstrap(empty.service, seed) is False
    assert await empty.events() == []
    assert {e.attributes["actor"] for e in first} == {"service:property"}
    found = await empty.pages("/premises/coverage", limit=4, area=STREET)
    assert len(found) == 11
    assert sum(c["households"] for c in found) == 14_401
    assert sum(c["wanted_dm2"] for c in found) == 432_030
    assert sum(c["size_dm2"] for c in found) == 132_000
    assert 290_000 < sum(c["short_dm2"] for c in found) < 310_000


async def test_a_repair_in_nanguan_goes_to_its_own_firm_from_the_first_day(empty: World, seed: Seed) -> None:
    await bootstrap(empty.service, seed)
    repair = await empty.repair("estate-nanguan")
    assert (repair["firm"], repair["contract"]) == (FIRM, "contract-nanguan")
    assert repair["area"].startswith(NANGUAN)


def test_everything_made_up_says_so(seed: Seed) -> None:
    """Facts of the source: 楚街's 500 m²; all else is spread or invented."""
    founding = load(seed)
    entries = [*founding.estates, *founding.premises, *founding.firms, *founding.contracts]
    assert [e.location for e in founding.premises if not e.synthetic] == ["楚街门面房"]
    assert sum(e.synthetic for e in entries) == len(entries) - 1


def test_a_file_that_names_what_is_not_there_is_refused_with_every_place(tmp_path: Path) -> None:
    (tmp_path / "xiangli.yaml").write_text("{}")
    copy = tmp_path / "xiangli.seed.yaml"
    copy.write_text(SEED.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(load_seed(copy)).estates == ()  # nothing lies beside it
    (tmp_path / "xiangli.property.yaml").write_text(
        """
estates:
  - {id: e, area: "999999999999", name: x, households: 1}
premises:
  - {id: p, estate: f, area: "321302002907", kind: shop, location: x, size_dm2: 1, structure: steel, use: office}
firms:
  - {firm: nobody, area: "321302002", grade: first}
contracts:
  - {id: c, estate: e, firm: firm-lvjie, basis: lump_sum, fee_fen: 1, days: 1}
""",
        encoding="utf-8",
    )
    with pytest.raises(SeedError) as refused:
        load(load_seed(copy))
    for place in ("estates.0.area", "premises.0.estate", "firms.0", "contracts.0"):
        assert place in str(refused.value)
