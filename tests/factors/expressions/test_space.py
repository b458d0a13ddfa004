import itertools
from collections import Counter

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions import (
    BAR_SOURCES,
    FactorDefinition,
    FactorSource,
    FactorSpace,
    PointInTime,
    evaluate_many,
    parse,
)

SPACE = FactorSpace()


@pytest.fixture
def small():
    return FactorSpace(
        sources=[
            FactorSource(name="close", expression="close"),
            FactorSource(name="gap", expression="open/delay(close,1)-1"),
            FactorSource(
                name="filed",
                expression="volume",
                lineage=("EDGAR", "10-Q"),
                point_in_time=PointInTime.RELEASE,
            ),
        ],
        windows=[5, 20],
        outer_windows=[4],
        universes=["all", "large"],
    )


def test_it_spans_what_was_asked_for_by_its_own_rule():
    assert len(BAR_SOURCES) == 24
    kinds = (24 * 18 * 11, 24 * 4 * 55, 276 * 11, 24 * 4 * 3 * 4 * 11)
    assert len(SPACE) == sum(kinds) * 4 * 4 == 411_840
    assert len(SPACE) >= 380_000
    assert repr(SPACE).startswith("FactorSpace(411,840 factors: 24 sources, 11 windows")


def test_no_factor_of_a_small_space_is_there_twice(small):
    found = list(small)
    assert len(found) == len(small) == 2 * 4 * (3 * 18 * 2 + 3 * 4 * 1 + 3 * 2 + 3 * 4 * 4 * 2)
    canonical = {(parse(one.expression).digest, one.universe) for one in found}
    assert len(canonical) == len({one.digest for one in found}) == len(found)
    assert len({one.name for one in found}) == len(found)


def test_no_factor_of_every_hundredth_is_there_twice():
    found = list(SPACE[::100])
    assert len(found) == 4_119
    assert len({one.digest for one in found}) == len({one.name for one in found}) == len(found)


def test_texts_are_canonical():
    for one in SPACE.sample(400, seed=3):
        assert parse(one.expression).text == one.expression


def test_a_factor_is_made_when_it_is_asked_for_and_always_the_same():
    assert SPACE[12_345] == FactorSpace()[12_345]
    assert SPACE[-1] == SPACE[len(SPACE) - 1]
    assert list(itertools.islice(SPACE, 3)) == [SPACE[0], SPACE[1], SPACE[2]]
    with pytest.raises(IndexError, match="411,840"):
        SPACE[len(SPACE)]
    with pytest.raises(IndexError):
        SPACE[-len(SPACE) - 1]


def test_a_slice_is_lazy_and_slices_again():
    part = SPACE[1_000:400_000:7]
    assert len(part) == 57_000
    assert part[3] == SPACE[1_021]
    assert part[10:20][1] == SPACE[1_077]
    assert part[-1] == SPACE[1_000 + 7 * 56_999]
    assert repr(part) == "FactorSelection(57,000 of 411,840 factors)"


def test_a_factor_tells_where_it_comes_from(small):
    found = {one.name: one for one in small}
    assert found["rank.ts_corr.close.filed.20@large"] == FactorDefinition(
        name="rank.ts_corr.close.filed.20@large",
        expression="rank(ts_corr(close, volume, 20))",
        universe="large",
        point_in_time=PointInTime.RELEASE,
        lineage=("bars", "EDGAR", "10-Q", "close", "filed", "ts_corr", "rank", "large"),
    )
    nested = found["raw.ts_rank.4.ts_std.gap.5@all"]
    assert nested.expression == "ts_rank(ts_std(open / delay(close, 1) - 1, 5), 4)"
    ratio = found["sector.ts_mean.close.5.20@all"]
    assert ratio.expression == "neutralize(ts_mean(close, 5) / ts_mean(close, 20), sector)"


def test_a_sample_is_of_every_kind_and_universe_by_its_share():
    found = SPACE.sample(2_000, seed=11)
    assert len({one.digest for one in found}) == 2_000
    assert list(found.indices) == sorted(found.indices)
    by_universe = Counter(one.universe for one in found)
    assert set(by_universe.values()) == {500}
    ends = [76_032, 160_512, 209_088, 411_840]
    kinds = Counter(next(k for k, end in enumerate(ends) if i < end) for i in found.indices)
    for kind, (begin, end) in enumerate(itertools.pairwise([0, *ends])):
        assert kinds[kind] == pytest.approx(2_000 * (end - begin) / 411_840, abs=4)


def test_a_seed_draws_the_same_and_another_others():
    assert list(SPACE.sample(50, seed=1).indices) == list(SPACE.sample(50, seed=1).indices)
    assert list(SPACE.sample(50, seed=1).indices) != list(SPACE.sample(50, seed=2).indices)


def test_a_small_sample_has_one_of_each_while_it_lasts(small):
    found = small.sample(8, seed=5)
    ends = [864, 960, 1_008, 1_776]
    assert [sum(i < end for i in found.indices) for end in ends] == [2, 4, 6, 8]
    assert len(small.sample(3, seed=5)) == 3
    assert len(small.sample(len(small), seed=5)) == len(small)
    assert list(small.sample(0, seed=5)) == []
    with pytest.raises(InputError, match="0 to 1,776 factors; got 1777"):
        small.sample(1_777, seed=5)


def test_its_factors_are_computed(small, fields):
    universes = {"large": fields["close"] > 0}
    wanted = small.sample(40, seed=9)
    found = evaluate_many(wanted, fields, universe=universes)
    assert list(found) == [one.name for one in wanted]
    assert all(frame.notna().to_numpy().any() for frame in found.values())


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"sources": [FactorSource(name="x", expression="ts_mean(close, 5)")]}, "there twice"),
        ({"sources": [FactorSource(name="x", expression="clse")]}, "did you mean close"),
        (
            {
                "sources": [
                    FactorSource(name="x", expression="close + open"),
                    FactorSource(name="y", expression="open + close"),
                ]
            },
            r"sources must differ; got close \+ open",
        ),
        ({"sources": []}, "has sources"),
        ({"windows": [20, 5]}, "windows must rise"),
        ({"windows": [2, 5]}, r"ts_skew\(x, d\) needs windows from 3"),
        ({"of_one": ["rank"]}, "of_one are time-series operators"),
        ({"of_one": ["ts_corr"]}, "of 1 series and a window"),
        ({"of_two": ["ts_mean"]}, "of 2 series and a window"),
        ({"inner": ["ts_maen"]}, "did you mean ts_mean"),
        ({"outer": ["ts_rank", "ts_rank"]}, "outer must differ"),
        ({"universes": ["all", "all"]}, "universes must differ"),
        ({"transforms": {"a": "rank({x})", "b": "rank( {x} )"}}, "transforms must differ"),
        ({"transforms": {"a": "ts_mean({x}, 5)"}}, "cross-sectional expression"),
        ({"transforms": {"a": "rank(close)"}}, "cross-sectional expression"),
    ],
)
def test_a_space_with_factors_that_would_not_do_is_refused(changed, rule):
    with pytest.raises(InputError, match=rule):
        FactorSpace(**changed)


def test_what_a_factor_computes_makes_its_hash():
    one = FactorDefinition(name="a", expression="rank(close)")
    assert one.digest == FactorDefinition(name="b", expression="rank(close)", lineage=("x",)).digest
    others = [
        FactorDefinition(name="a", expression="rank(open)"),
        FactorDefinition(name="a", expression="rank(close)", universe="large"),
        FactorDefinition(name="a", expression="rank(close)", frequency="1h"),
        FactorDefinition(name="a", expression="rank(close)", point_in_time=PointInTime.NEXT_BAR),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5
    spelled = FactorDefinition(name="a", expression="rank(open + close)")
    assert spelled.digest == FactorDefinition(name="a", expression="rank(close+open)").digest
    with pytest.raises(InputError, match="did you mean rank"):
        _ = FactorDefinition(name="a", expression="rnak(open)").digest
    with pytest.raises(InputError, match="expression must be a text"):
        FactorDefinition(name="a", expression=" ")
