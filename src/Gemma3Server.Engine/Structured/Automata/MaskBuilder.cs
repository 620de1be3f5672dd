using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Finds the tokens that may follow a state, by walking the vocabulary's trees through the grammar. Not thread-safe.</summary>
/// <remarks>
/// Where a state does not tell apart what all tokens of a subtree consist of (<see cref="StateLoop"/>), they are taken or left by their numbers of
/// characters, without a walk. Where it tells few safe characters from the others, the safe tokens are taken but for those that have one of these.
/// </remarks>
internal sealed class MaskBuilder(TokenVocabulary vocabulary, long mostWork = MaskBuilder.MostWork)
{
    /// <summary>
    /// Work on new states beyond which a mask is given up, so that a grammar made to be slow stalls nobody: some 100 ms, where one of the
    /// largest real masks takes a few thousand.
    /// </summary>
    private const long MostWork = 1_000_000;

    /// <summary>Tokens of a subtree from which it pays to look for the loop of its state.</summary>
    private const int LeastTokens = 8;

    /// <summary>Groups of safe characters up to which it pays to leave out the tokens that have them, a few microseconds each, rather than to walk.</summary>
    private const int MostOthers = 64;

    /// <summary>Tokens that are looked at one by one, at most: a walk, some 8 ms for Gemma's vocabulary, costs no more than twice as many.</summary>
    private const int MostSteps = 1 << 16;

    private readonly ulong[] _bits = new ulong[vocabulary.Words];
    private readonly ulong[] _with = new ulong[vocabulary.Words];
    private readonly GrammarState[] _path = new GrammarState[vocabulary.LongestToken + 1];
    private readonly Prefix[] _above = new Prefix[vocabulary.LongestToken + 1];
    private readonly GrammarState?[] _loopStates = new GrammarState?[vocabulary.LongestToken + 1];
    private readonly StateLoop[] _loopsByDepth = new StateLoop[vocabulary.LongestToken + 1];
    private readonly LoopFinder _loops = new();
    private GrammarState? _dead;
    private long _mostWork;

    /// <summary>The tokens; those that end the text are not among them. None at all when finding them is too much work.</summary>
    public TokenMask Build(GrammarState state)
    {
        Array.Clear(_bits);
        _dead = state.Dead;
        _mostWork = state.States.Work + mostWork;
        if (!state.Classes.IsEmpty)
        {
            _loops.Begin(state.States, _mostWork);
            if (!TakeSafe(state)) Walk(vocabulary.Safe, state);
            Walk(vocabulary.Others, state);
        }

        if (state.States.Work > _mostWork) Array.Clear(_bits);
        Array.Clear(_path);
        Array.Clear(_loopStates);
        return TokenMask.Of(_bits);
    }

    /// <summary>
    /// Takes the safe tokens that are short enough, where nearly all safe characters are alike to the grammar: without those that have others, which are
    /// looked at one by one unless no such character may follow. False, and nothing taken, when it tells too many apart.
    /// </summary>
    private bool TakeSafe(GrammarState state)
    {
        var taken = 0;
        foreach (var value in SafeText.Samples) taken += state.Classes.Contains(state.States.ClassOf[value]) ? 1 : 0;
        if (taken < SafeText.Samples.Length / 2) return false;

        var loop = _loops.Find(state);
        if (!loop.Ends && loop.Characters < TokenVocabulary.LongestSafe) return false;
        var others = SafeText.Groups & ~loop.Groups;
        var open = others & ~loop.Dead;
        if (others.Count > MostOthers || vocabulary.SafeTokensWith(open) > MostSteps) return false;
        vocabulary.SafeUpTo(loop.Characters).CopyTo(_bits);
        if (others.IsEmpty) return true;
        SetSafeWith(others);
        TensorPrimitives.OnesComplement(_with, _with);
        TensorPrimitives.BitwiseAnd(_bits, _with, _bits);
        if (open.IsEmpty) return true;
        SetSafeWith(open);
        for (var word = 0; word < _with.Length && state.States.Work <= _mostWork; word++)
        {
            for (var left = _with[word]; left != 0; left &= left - 1)
            {
                var bit = BitOperations.TrailingZeroCount(left);
                if (!Grammar.Step(state, vocabulary.Piece((word << 6) + bit).Span).IsDead) _bits[word] |= 1UL << bit;
            }
        }

        return true;
    }

    /// <summary>Sets <see cref="_with"/> to the safe tokens with a character of some groups.</summary>
    private void SetSafeWith(GroupSet groups)
    {
        Array.Clear(_with);
        for (var group = 0; group < ByteGroups.Count; group++)
        {
            if (groups.Contains(group)) TensorPrimitives.BitwiseOr(_with, vocabulary.SafeWith(group), _with);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Walk(TokenTrie trie, GrammarState start)
    {
        var labels = trie.Labels;
        var depths = trie.Depths;
        var ends = trie.Ends;
        var firsts = trie.Firsts;
        var path = _path.AsSpan();
        path[0] = start;
        var visited = 0;
        for (var node = 0; node < labels.Length;)
        {
            if ((++visited & 255) == 0 && start.States.Work > _mostWork) return;
            int depth = depths[node];
            var label = labels[node];
            var next = path[depth - 1].Step(label);
            var end = ends[node];
            if (next == _dead)
            {
                node = end;
                continue;
            }

            path[depth] = next;
            if (firsts[end] - firsts[node] >= LeastTokens)
            {
                _above[depth] = _above[depth - 1].Behind(label); // which has at least as many tokens
                if (TakeAlike(trie, node, next, depth))
                {
                    node = end;
                    continue;
                }
            }

            foreach (var token in trie.Tokens[firsts[node]..firsts[++node]]) _bits[token >> 6] |= 1UL << (token & 63);
        }
    }

    /// <summary>
    /// Takes the tokens of a subtree that its state allows, when it allows all of some characters, up to a number of them, and nothing else: false
    /// when it is not as easy as that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TakeAlike(TokenTrie trie, int node, GrammarState state, int depth)
    {
        if (_loopStates[depth] != state) (_loopStates[depth], _loopsByDepth[depth]) = (state, _loops.Find(state));
        ref readonly var loop = ref _loopsByDepth[depth];
        var below = trie.Below[node];
        var (above, characters) = _above[depth];
        if (below.Meets(~(loop.Groups | loop.Dead))) return false;
        if ((below & loop.Dead).Meets(above)) return false; // a token's groups would not tell whether it is above only
        if (!loop.Ends && trie.Longest[node] - characters > loop.Characters) return false;

        var (first, end) = (trie.Firsts[node], trie.Firsts[trie.Ends[node]]);
        var tokens = trie.Tokens[first..end];
        var lengths = trie.Lengths[first..end];
        var groups = trie.Groups[first..end];
        var (most, others) = (Math.Min(loop.Characters, ushort.MaxValue) + characters, ~(loop.Groups | above));
        for (var i = 0; i < tokens.Length; i++)
        {
            var token = tokens[i];
            var allowed = (lengths[i] <= most) & (!groups[i].Meets(others)); // both, lest the processor guess
            _bits[token >> 6] |= (allowed ? 1UL : 0) << (token & 63);
        }

        return true;
    }

    /// <summary>What leads to a node: the groups of its characters, and their number.</summary>
    private readonly record struct Prefix(GroupSet Groups, int Characters)
    {
        public Prefix Behind(byte value) =>
            TokenTrie.Begins(value) ? new((Groups | ByteGroups.Of(value)) & ~ByteGroups.Partial, Characters + 1) : this;
    }
}
