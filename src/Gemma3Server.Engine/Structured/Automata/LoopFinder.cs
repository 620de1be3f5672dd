using System.Numerics;

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
    private readonly List<(GrammarState State, GrammarState Next, ulong Groups, ulong Dead)> _chain = [];
    private readonly List<(GrammarState Target, ulong Groups, int Bytes)> _targets = [];
    private readonly byte[][] _ascii = new byte[ByteGroups.Ascii.Length][];
    private readonly byte[][][][] _longer = new byte[ByteGroups.Longer.Length][][][];
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

        // Of bytes that the grammar does not tell apart, one is enough.
        _classOf = states.ClassOf;
        for (var group = 0; group < _ascii.Length; group++) _ascii[group] = [.. ByteGroups.Ascii[group].DistinctBy(value => _classOf[value])];
        for (var group = 0; group < _longer.Length; group++)
        {
            _longer[group] = Array.ConvertAll(ByteGroups.Longer[group], ranges => Array.ConvertAll(ranges, range =>
                Enumerable.Range(range.First, range.Last - range.First + 1).Select(value => (byte)value).DistinctBy(value => _classOf[value]).ToArray()));
        }
    }

    /// <summary>The loop of a state; with no groups when there is none.</summary>
    public StateLoop Find(GrammarState state)
    {
        if (_known.TryGetValue(state, out var loop)) return loop;

        // Along the most common way, as long as the same characters lead on and a token could go; then back.
        _chain.Clear();
        var at = state;
        while (!_known.TryGetValue(at, out loop))
        {
            var (next, groups) = MostCommon(at);
            var dead = Dead(at, ByteGroups.All & ~groups);
            var goesOn = next is not null && next.Horizon == at.Horizon;
            var after = goesOn || next is null ? null : Behind(next, groups);
            if (after is null or { IsDead: true } || _chain.Count == LongestChain)
            {
                if (!goesOn && next is not null) dead = Dead(next, dead);
                loop = new(groups, dead, goesOn ? int.MaxValue : next is null ? 0 : 1, Ends: after is { IsDead: true });
                if (_chain.Count < LongestChain) _known[at] = loop;
                break;
            }

            _chain.Add((at, next!, groups, dead));
            at = next!;
        }

        var isWhole = _chain.Count < LongestChain;
        for (var i = _chain.Count - 1; i >= 0; i--)
        {
            var (before, next, groups, dead) = _chain[i];
            loop = (groups & ~loop.Groups) != 0
                ? new(groups, Dead(next, dead), 1, Ends: false)
                : new(groups, dead & loop.Dead, loop.Characters == int.MaxValue ? int.MaxValue : loop.Characters + 1, loop.Ends);
            if (isWhole || i == 0) _known[before] = loop; // of a chain that was cut the later ones may go on for longer
        }

        return loop;
    }

    /// <summary>Of some groups those of which none may follow a state.</summary>
    private ulong Dead(GrammarState state, ulong groups)
    {
        var dead = groups;
        for (; groups != 0; groups &= groups - 1)
        {
            var group = groups & (~groups + 1);
            if (state.States.Work > _mostWork) return 0;
            if (Behind(state, group) is not { IsDead: true }) dead &= ~group;
        }

        return dead;
    }

    /// <summary>The state that most bytes lead to, and the groups of characters that do.</summary>
    private (GrammarState? Next, ulong Groups) MostCommon(GrammarState state)
    {
        _targets.Clear();
        for (var group = 0; group < _ascii.Length + _longer.Length; group++)
        {
            if (state.States.Work > _mostWork) return default;
            if (Behind(state, 1UL << group) is not { IsDead: false } target) continue;
            var bytes = group < _ascii.Length ? ByteGroups.Ascii[group].Length : 1;
            var at = 0;
            while (at < _targets.Count && _targets[at].Target != target) at++;
            if (at == _targets.Count) _targets.Add((target, 1UL << group, bytes));
            else _targets[at] = (target, _targets[at].Groups | (1UL << group), _targets[at].Bytes + bytes);
        }

        var best = default((GrammarState? Target, ulong Groups, int Bytes));
        foreach (var target in _targets)
        {
            if (target.Bytes > best.Bytes) best = target;
        }

        return (best.Target, best.Groups);
    }

    /// <summary>The one state behind any character of some groups, or <see langword="null"/> when there are several.</summary>
    private GrammarState? Behind(GrammarState state, ulong groups)
    {
        GrammarState? common = null;
        for (; groups != 0; groups &= groups - 1)
        {
            var group = BitOperations.TrailingZeroCount(groups);
            if (group >= _ascii.Length)
            {
                foreach (var ranges in _longer[group - _ascii.Length])
                {
                    if (Behind(state, ranges) is not { } next || next != (common ??= next)) return null;
                }

                continue;
            }

            foreach (var value in _ascii[group])
            {
                var next = state.Step(value);
                if (next != (common ??= next)) return null;
            }
        }

        return common;
    }

    /// <summary>The one state behind any character whose bytes are in some ranges, or <see langword="null"/> when there are several.</summary>
    private GrammarState? Behind(GrammarState state, byte[][] ranges)
    {
        _reached.Clear();
        _reached.Add(state);
        foreach (var range in ranges)
        {
            (_before, _reached) = (_reached, _before);
            _reached.Clear();
            foreach (var before in _before)
            {
                foreach (var value in range)
                {
                    var next = before.Step(value);
                    if (!_reached.Contains(next)) _reached.Add(next);
                }
            }
        }

        return _reached.Count == 1 ? _reached[0] : null;
    }
}
