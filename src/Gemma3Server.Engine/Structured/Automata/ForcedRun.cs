using System.Text;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Finds text that a grammar leaves no choice about, as the tokens that the model's own tokenizer makes of it.</summary>
internal static class ForcedRun
{
    /// <summary>Longest run in bytes.</summary>
    private const int Longest = 512;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// The tokens of the forced bytes behind a state. The last of them are left to the model where one token of its vocabulary could stand for
    /// an end of the run and for what follows: which token that is depends on what follows.
    /// </summary>
    public static int[] Find(GrammarState state, TokenVocabulary vocabulary)
    {
        var bytes = new List<byte>();
        while (bytes.Count < Longest && state.ForcedByte is { } value)
        {
            bytes.Add(value);
            state = state.Step(value);
        }

        if (bytes.Count == 0) return [];
        var run = bytes.ToArray().AsSpan();
        if (!TryDecode(run, out var text)) return [];
        var settled = Math.Max(0, run.Length - vocabulary.LongestToken);
        while (settled < run.Length && !MayMerge(run[settled..], state, vocabulary)) settled++;
        var tokens = vocabulary.Tokenize(text);
        var (kept, end) = (0, 0);
        foreach (var token in tokens)
        {
            // Whatever the tokenizer did, only tokens that spell the run count.
            var piece = vocabulary.Piece(token).Span;
            if (piece.IsEmpty || end + piece.Length > settled || !run[end..].StartsWith(piece)) break;
            end += piece.Length;
            kept++;
        }

        return tokens[..kept];
    }

    private static bool TryDecode(ReadOnlySpan<byte> run, out string text)
    {
        // The run may end inside a character.
        for (var cut = 0; cut < 4 && cut < run.Length; cut++)
        {
            try
            {
                text = Strict.GetString(run[..^cut]);
                return true;
            }
            catch (DecoderFallbackException)
            {
                // Shorter, then.
            }
        }

        text = "";
        return false;
    }

    /// <summary>Whether a token begins with these bytes, which are the end of the run, and goes on as the state behind the run allows.</summary>
    private static bool MayMerge(ReadOnlySpan<byte> tail, GrammarState behind, TokenVocabulary vocabulary) =>
        MayMerge(tail, behind, vocabulary.Safe) || MayMerge(tail, behind, vocabulary.Others);

    private static bool MayMerge(ReadOnlySpan<byte> tail, GrammarState behind, TokenTrie trie)
    {
        if (tail.Length >= trie.Depth) return false;
        var labels = trie.Labels;
        var depths = trie.Depths;
        var ends = trie.Ends;

        // Down to the node of the tail.
        var (node, end) = (0, labels.Length);
        for (var depth = 1; ; depth++)
        {
            while (node < end && labels[node] != tail[depth - 1]) node = ends[node];
            if (node >= end) return false;
            end = ends[node];
            node++;
            if (depth == tail.Length) break;
        }

        // Then as the grammar goes.
        var path = new GrammarState[trie.Depth + 1];
        path[tail.Length] = behind;
        while (node < end)
        {
            var depth = depths[node];
            var next = path[depth - 1].Step(labels[node]);
            if (next.IsDead)
            {
                node = ends[node];
                continue;
            }

            if (trie.Firsts[node + 1] > trie.Firsts[node]) return true;
            path[depth] = next;
            node++;
        }

        return false;
    }
}
