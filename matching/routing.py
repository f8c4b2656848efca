"""Who gets which lot: the margins of the bound turned into lines.

Coverage and surplus depend on the fills and the uses alone, not on who gets what. So the margins are kept as they are
and only routed anew: first the bids that may deal with few seller groups choose theirs, then one greatest flow on the
same network says what the others take from each structure, then each structure is dealt out lot by lot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matching.allotment import allotted
from matching.constraints import Allocation, total
from matching.flow import greatest_flow
from matching.goals import Margins
from matching.network import Network
from matching.sellers import is_limited
from matching.variables import Book, Mask, Whole, one


def routed(book: Book, network: Network, margins: Margins) -> Allocation:
    """Lines that realise most of the margins. Pair rules, floors, caps and numbers of sellers hold."""
    filled_t, sold_t = margins.filled_t(book), margins.sold_t(book)
    chooser = _Chooser(book, network, margins)
    limited = np.flatnonzero(is_limited(book) & (filled_t > 0))
    per_seller = filled_t[limited] / book.most_sellers[limited]
    order = np.lexsort((book.bid_priority[limited], -per_seller, ~book.is_compliance[limited]))
    for i in limited[order].tolist():
        chooser.serve(i, int(filled_t[i]))
    chosen = [np.array(column, dtype=np.int64) for column in chooser.columns]
    filled_t[limited] = 0
    rest = _rerouted(network, margins, filled_t, sold_t - total(chosen[1], chosen[2], len(book.lots)))
    bid, lot, tonnes = (np.concatenate(pair) for pair in zip(allotted(book, rest), chosen, strict=True))
    return Allocation.of(bid, lot, tonnes, len(book.lots))


def _rerouted(network: Network, margins: Margins, filled_t: Whole, left_t: Whole) -> Margins:
    """The margins with other fills and less left of the lots, as nearly as the network can route them."""
    arcs = network.arcs
    capacity = arcs.capacity.copy()
    capacity[network.bid_arc] = filled_t
    capacity[network.lot_arc] = left_t
    capacity[network.delivery_arc] = left_t[network.delivery_lot]
    flows = greatest_flow(replace(arcs, capacity=capacity))
    return replace(margins, choice_t=flows[network.choice_arc], delivery_t=flows[network.delivery_arc])


@dataclass
class _Structure:
    """What a flow moves in one structure, and how much may be taken without stranding bids with lower limits.

    `slack_t[x]` is the supply on levels up to x less what bids that reach no further take. A bid that reaches up to
    its prefix and takes from level x lowers it on every level between, so that much and no more may be taken there.
    """

    lots: Whole  # dearest first
    level: Whole
    left_t: Whole
    slack_t: Whole
    taken_t: dict[int, tuple[int, int]]  # bid: its prefix, its tonnes

    def most_t(self, prefix: int) -> Whole:
        """What a bid with this prefix may take of each lot, if of one only."""
        between = np.minimum.accumulate(self.slack_t[:prefix][::-1])[::-1]
        room_t = np.append(between, np.iinfo(np.int64).max)[np.minimum(self.level, prefix)]
        return np.where(self.level <= prefix, np.minimum(self.left_t, np.maximum(room_t, 0)), 0)

    def take(self, place: int, tonnes: int, prefix: int) -> int:
        """Takes up to so many tonnes of a lot, and says how many."""
        level = int(self.level[place])
        if level > prefix:
            return 0
        room_t = int(self.slack_t[level:prefix].min()) if level < prefix else tonnes
        part_t = max(min(tonnes, int(self.left_t[place]), room_t), 0)
        self.left_t[place] -= part_t
        self.slack_t[level:prefix] -= part_t
        return part_t


def _structures(book: Book, network: Network, margins: Margins) -> dict[int, _Structure]:
    found: dict[int, _Structure] = {}
    some, any_ = margins.choice_t > 0, margins.delivery_t > 0
    for number in np.unique(margins.choice_structure[some]).tolist():
        choice = some & (margins.choice_structure == number)
        delivery = np.flatnonzero(any_ & (margins.delivery_structure == number))
        lots = margins.delivery_lot[delivery]
        delivery = delivery[np.lexsort((book.lot_priority[lots], -book.ask_fen[lots]))]
        level, tonnes = network.delivery_level[delivery], margins.delivery_t[delivery]
        prefix, taken_t = network.choice_prefix[choice], margins.choice_t[choice]
        levels = int(max(prefix.max(), level.max(initial=0))) + 1
        slack_t = np.cumsum(total(level, tonnes, levels)) - np.cumsum(total(prefix, taken_t, levels))
        rows = zip(margins.choice_bid[choice].tolist(), prefix.tolist(), taken_t.tolist(), strict=True)
        bids = {i: (prefix_, tonnes_) for i, prefix_, tonnes_ in rows}
        found[number] = _Structure(margins.delivery_lot[delivery], level, tonnes.copy(), slack_t, bids)
    return found


class _Chooser:
    """Serves limited bids one by one, each with the fewest groups that give what the margins grant it.

    A bid takes from each structure what the flow gave it there, so that what is left can still be routed.
    """

    def __init__(self, book: Book, network: Network, margins: Margins) -> None:
        self.book = book
        self.structures = _structures(book, network, margins)
        self.of_bid: dict[int, list[int]] = {}
        for number, structure in self.structures.items():
            for i in structure.taken_t:
                self.of_bid.setdefault(i, []).append(number)
        self.columns: tuple[list[int], list[int], list[int]] = ([], [], [])

    def serve(self, i: int, need_t: int) -> None:
        """Chooses groups for one bid until its need is met or no group may be added."""
        mine = _Portfolio(self.book, i, [self.structures[number] for number in self.of_bid[i]])
        for _ in range(int(self.book.most_sellers[i])):
            offered_t = mine.offered_t()
            enough = np.flatnonzero(offered_t >= need_t)
            place = int(enough[np.argmin(offered_t[enough])]) if len(enough) else int(np.argmax(offered_t))
            if offered_t[place] == 0:
                break
            need_t -= mine.take_from(place, need_t)
            if need_t == 0:
                break
        for column, taken in zip(self.columns, mine.columns, strict=True):
            column.extend(taken)


class _Portfolio:
    """One limited bid: its lots in all its structures, and what each seller group could still give."""

    def __init__(self, book: Book, i: int, structures: list[_Structure]) -> None:
        self.book, self.i, self.structures = book, i, structures
        self.quota_t = [structure.taken_t[i][1] for structure in structures]
        self.prefix = [structure.taken_t[i][0] for structure in structures]
        self.outside = [bool(book.is_outside(one(i), each.lots[:1]).any()) for each in structures]
        self.outside_room_t, self.cap_t = int(book.outside_cap_t[i]), int(book.group_cap_t[i])
        self.row = np.repeat(np.arange(len(structures)), [len(each.lots) for each in structures])
        self.place = np.concatenate([np.arange(len(each.lots)) for each in structures])
        self.lots = np.concatenate([each.lots for each in structures])
        self.groups, self.group = np.unique(book.lot_group[self.lots], return_inverse=True)
        self.is_open: Mask = self.groups != book.bid_group[i]
        self.columns: tuple[list[int], list[int], list[int]] = ([], [], [])

    def offered_t(self) -> Whole:
        """Tonnes that each group could give, near enough: lots of one group are taken to have their own slack."""
        most_t = np.concatenate(
            [each.most_t(prefix) for each, prefix in zip(self.structures, self.prefix, strict=True)]
        )
        size = len(self.groups)
        by_row = total(self.row * size + self.group, most_t, len(self.structures) * size).reshape(-1, size)
        by_row = np.minimum(by_row, np.array(self.quota_t)[:, None])
        is_outside = np.array(self.outside)
        outside_t = np.minimum(by_row[is_outside].sum(axis=0), self.outside_room_t)
        return np.where(self.is_open, np.minimum(by_row[~is_outside].sum(axis=0) + outside_t, self.cap_t), 0)

    def take_from(self, place: int, need_t: int) -> int:
        """Takes the lots of one group, those within the floor's set first; gives the tonnes taken."""
        self.is_open[place] = False
        room_t = start_t = min(need_t, self.cap_t)
        mine = np.flatnonzero(self.group == place)
        for k in mine[np.argsort(np.array(self.outside)[self.row[mine]], kind="stable")].tolist():
            row = int(self.row[k])
            wanted_t = min(room_t, self.quota_t[row])
            wanted_t = min(wanted_t, self.outside_room_t) if self.outside[row] else wanted_t
            part_t = self.structures[row].take(int(self.place[k]), wanted_t, self.prefix[row]) if wanted_t else 0
            if part_t:
                for column, value in zip(self.columns, (self.i, int(self.lots[k]), part_t), strict=True):
                    column.append(value)
                room_t -= part_t
                self.quota_t[row] -= part_t
                self.outside_room_t -= part_t * self.outside[row]
        return start_t - room_t
