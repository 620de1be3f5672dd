namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// Finds the <see cref="StateLoop"/> of states: in text inside something nearly all characters are alike, up to a bound on their number, so
/// that whole subtrees of tokens can be taken without a look at each. Not thread-safe.
/// </summary>
internal sealed class LoopFinder
{
    /// <summary>States that are followed: more than any token has characters.</summary>
    private const int LongestChain = 256;

    /// <summary>Loops that are remembered from mask to mask.</summary>
    private const int MostKnown = 1000;

    private readonly Dictionary<GrammarState, StateLoop> _known = [];
    private readonly List<(GrammarState State, GrammarState Next, GroupSet Groups, GroupSet Dead)> _chain = [];
    private readonly List<(GrammarState Target, GroupSet Groups, int Weight)> _targets = [];
    private CharacterUnit[] _units = [];
    private GrammarState?[] _here = [];
    private GrammarState?[] _there = [];
    private List<GrammarState> _reached = [];
    private List<GrammarState> _before = [];
    private byte[]? _classOf;
    private long _mostWork;

    /// <summary>Begins with states of a grammar. When the work on new ones goes beyond a bound, no more loops are found.</summary>
    public void Begin(GrammarStates states, long mostWork)
    {
        _mostWork = mostWork;
        if (_known.Count > MostKnown) _known.Clear();
        if (_classOf == states.ClassOf) return;
        _known.Clear();
        _classOf = states.ClassOf;
        _units = CharacterUnit.All(_classOf);
        (_here, _there) = (new GrammarState?[_units.Length], new GrammarState?[_units.Length]);
    }

    /// <summary>The loop of a state; with no groups when there is none.</summary>
    public StateLoop Find(GrammarState state)
    {
        if (_known.TryGetValue(state, out var loop)) return loop;

        // Along the most common way, as long as the same characters lead on and a token could go; then back.
        _chain.Clear();
        var at = state;
        Look(at, _here);
        while (!_known.TryGetValue(at, out loop))
        {
            var (next, groups) = MostCommon();
            var dead = Dead(_here, ByteGroups.All & ~groups);
            var goesOn = next is not null && next.Horizon == at.Horizon;
            if (!goesOn && next is not null) Look(next, _there);
            var after = goesOn || next is null ? null : Common(groups);
            if (after is null or { IsDead: true } || _chain.Count == LongestChain)
            {
                if (!goesOn && next is not null) dead = Dead(_there, dead);
                loop = new(groups, dead, goesOn ? int.MaxValue : next is null ? 0 : 1, Ends: after is { IsDead: true });
                if (_chain.Count < LongestChain) _known[at] = loop;
                break;
            }

            _chain.Add((at, next!, groups, dead));
            at = next!;
            (_here, _there) = (_there, _here);
        }

        var isWhole = _chain.Count < LongestChain;
        for (var i = _chain.Count - 1; i >= 0; i--)
        {
            var (before, next, groups, dead) = _chain[i];
            if ((groups & ~loop.Groups).IsEmpty)
            {
                loop = new(groups, dead & loop.Dead, loop.Characters == int.MaxValue ? int.MaxValue : loop.Characters + 1, loop.Ends);
            }
            else
            {
                Look(next, _there);
                loop = new(groups, Dead(_there, dead), 1, Ends: false);
            }

            if (isWhole || i == 0) _known[before] = loop; // of a chain that was cut the later ones may go on for longer
        }

        return loop;
    }

    /// <summary>Finds where each unit of characters leads from a state; to nothing known when they lead to several, or it is too much work.</summary>
    private void Look(GrammarState state, GrammarState?[] targets)
    {
        for (var unit = 0; unit < targets.Length; unit++) targets[unit] = state.States.Work > _mostWork ? null : Behind(state, _units[unit].Ways);
    }

    /// <summary>The state that most characters lead to, and their groups.</summary>
    private (GrammarState? Next, GroupSet Groups) MostCommon()
    {
        _targets.Clear();
        for (var unit = 0; unit < _units.Length; unit++)
        {
            if (_here[unit] is not { IsDead: false } target) continue;
            var (groups, weight, _) = _units[unit];
            var at = _targets.FindIndex(known => known.Target == target);
            if (at < 0) _targets.Add((target, groups, weight));
            else _targets[at] = (target, _targets[at].Groups | groups, _targets[at].Weight + weight);
        }

        var best = _targets.Count == 0 ? default : _targets.MaxBy(static target => target.Weight);
        return (best.Target, best.Groups);
    }

    /// <summary>Of some groups those of which none may follow.</summary>
    private GroupSet Dead(GrammarState?[] targets, GroupSet groups)
    {
        for (var unit = 0; unit < targets.Length; unit++)
        {
            if (targets[unit] is not { IsDead: true }) groups &= ~_units[unit].Groups;
        }

        return groups;
    }

    /// <summary>The one state behind any character of some groups that was looked at last, or <see langword="null"/> when there are several.</summary>
    private GrammarState? Common(GroupSet groups)
    {
        GrammarState? common = null;
        for (var unit = 0; unit < _there.Length; unit++)
        {
            if (!_units[unit].Groups.Meets(groups)) continue;
            if (_there[unit] is not { } next || next != (common ??= next)) return null;
        }

        return common;
    }

    /// <summary>The one state behind all characters that are written in some ways, or <see langword="null"/> when there are several.</summary>
    private GrammarState? Behind(GrammarState state, byte[][][] ways)
    {
        GrammarState? common = null;
        foreach (var way in ways)
        {
            if (Behind(state, way) is not { } next || next != (common ??= next)) return null;
        }

        return common;
    }

    private GrammarState? Behind(GrammarState state, byte[][] way)
    {
        if (way is [[var only]]) return state.Step(only);
        _reached.Clear();
        _reached.Add(state);
        foreach (var bytes in way)
        {
            (_before, _reached) = (_reached, _before);
            _reached.Clear();
            foreach (var before in _before)
            {
                foreach (var value in bytes)
                {
                    var next = before.Step(value);
                    if (!_reached.Contains(next)) _reached.Add(next);
                }
            }
        }

        return _reached.Count == 1 ? _reached[0] : null;
    }
}
