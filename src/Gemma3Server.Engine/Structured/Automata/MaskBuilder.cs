using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Finds the tokens that may follow a state, by walking the vocabulary's trees through the grammar. Not thread-safe.</summary>
internal sealed class MaskBuilder(TokenVocabulary vocabulary, long mostWork = MaskBuilder.MostWork)
{
    /// <summary>
    /// Work on new states beyond which a mask is given up, so that a grammar made to be slow stalls nobody: some 100 ms, where one of the
    /// largest real masks takes a few thousand.
    /// </summary>
    private const long MostWork = 1_000_000;

    private readonly ulong[] _bits = new ulong[vocabulary.Words];
    private readonly GrammarState[] _path = new GrammarState[vocabulary.LongestToken + 1];
    private readonly List<GrammarState> _reached = [];
    private GrammarState? _dead;
    private long _mostWork;
    private readonly List<GrammarState> _before = [];

    /// <summary>The tokens; those that end the text are not among them. None at all when finding them is too much work.</summary>
    public TokenMask Build(GrammarState state)
    {
        Array.Clear(_bits);
        _dead = state.Dead;
        _mostWork = state.States.Work + mostWork;
        if (!state.Classes.IsEmpty)
        {
            if (!TakeSafe(state)) Walk(vocabulary.Safe, state);
            Walk(vocabulary.Others, state);
        }

        if (state.States.Work > _mostWork) Array.Clear(_bits);
        Array.Clear(_path);
        return TokenMask.Of(_bits);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Walk(TokenTrie trie, GrammarState start)
    {
        var labels = trie.Labels;
        var depths = trie.Depths;
        var ends = trie.Ends;
        var tokens = trie.Tokens;
        var path = _path.AsSpan();
        path[0] = start;
        for (var node = 0; node < labels.Length;)
        {
            var depth = depths[node];
            var next = path[depth - 1].Step(labels[node]);
            if (next == _dead)
            {
                node = ends[node];
                continue;
            }

            if ((node & 255) == 0 && start.States.Work > _mostWork) return;

            path[depth] = next;
            for (var token = tokens[node]; token != TokenTrie.None; token = trie.Twin(token)) _bits[token >> 6] |= 1UL << (token & 63);
            node++;
        }
    }

    /// <summary>
    /// Where safe characters are all alike to the grammar, for as many of them as it takes: takes the safe tokens that are short enough. False
    /// when it tells some apart.
    /// </summary>
    private bool TakeSafe(GrammarState state)
    {
        for (var length = 0; length < TokenVocabulary.LongestSafe; length++)
        {
            if (Probe(state) is not { } next) return false;
            if (next.IsDead)
            {
                Take(length);
                return true;
            }

            if (next.Horizon == state.Horizon) break;
            state = next;
        }

        Take(TokenVocabulary.LongestSafe);
        return true;
    }

    private void Take(int characters)
    {
        var bits = vocabulary.SafeUpTo(characters);
        for (var i = 0; i < bits.Length; i++) _bits[i] |= bits[i];
    }

    /// <summary>The one state behind any safe character, or <see langword="null"/> when there are several.</summary>
    private GrammarState? Probe(GrammarState state)
    {
        GrammarState? common = null;
        for (var value = 0; value < 128; value++)
        {
            if (!SafeText.Ascii.Contains(value)) continue;
            var next = state.Step((byte)value);
            if (next != (common ??= next)) return null;
        }

        foreach (var ranges in SafeText.Longer)
        {
            _reached.Clear();
            _reached.Add(state);
            foreach (var (first, last) in ranges)
            {
                _before.Clear();
                _before.AddRange(_reached);
                _reached.Clear();
                foreach (var before in CollectionsMarshal.AsSpan(_before))
                {
                    for (int value = first; value <= last; value++)
                    {
                        var next = before.Step((byte)value);
                        if (!_reached.Contains(next)) _reached.Add(next);
                    }
                }
            }

            if (_reached.Count != 1 || _reached[0] != common) return null;
        }

        return common;
    }
}
