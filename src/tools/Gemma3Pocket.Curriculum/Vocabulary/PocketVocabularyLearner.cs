namespace Gemma3Pocket.Curriculum;

/// <summary>Learns the vocabulary's pieces from lessons: byte-pair encoding over words.</summary>
/// <remarks>
/// Each piece is the union of two earlier ones, and its score is its rank, so that llama.cpp's merging (best score first) finds it again.
/// A piece begins with the word's <c>▁</c> or has none. Digits are never merged, as in Gemma. Letters are not merged with punctuation, so
/// that a name copied into JSON stays the same tokens; the fixed parts of a tool's declaration are the exception, which halves a tool prompt.
/// <c>vocabulary.txt</c> is remade by the explicit test <c>VocabularyRemake</c> of <c>tests/Gemma3Pocket.Curriculum.Tests</c>. That moves ids: a
/// trained model goes with its vocabulary.
/// </remarks>
public static class PocketVocabularyLearner
{
    /// <summary>The seed of the lessons that <c>vocabulary.txt</c> was learned from.</summary>
    public const ulong Seed = 20_261_124;

    /// <summary>How many lessons it was learned from.</summary>
    public const int Lessons = 40_000;

    /// <summary>The most pieces of a whole vocabulary.</summary>
    public const int MostPieces = 2560;

    /// <summary>A pair that is met less often is not worth an embedding: too little would be learned of it.</summary>
    private const int LeastCount = 24;

    /// <summary>Rarer words are made up for copying (or codes): pieces of them would only take the places of real words.</summary>
    private const int LeastWordCount = 8;

    private static readonly string[] Scaffolds =
    [
        "[{\"name\":\"", "{\"name\":\"", "\",\"description\":\"", "\",\"parameters\":{\"type\":\"object\",\"properties\":{\"", "\":{\"type\":\"string\"}",
        "\":{\"type\":\"integer\"}", "},\"required\":[\"", ",{\"name\":\"", "{\"type\":\"object\",\"properties\":{\"",
    ];

    /// <summary>Pieces from the best to the worst.</summary>
    public static IReadOnlyList<string> Learn()
    {
        var words = Words();
        var pieces = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var most = MostPieces - PocketVocabulary.FirstPiece - PocketVocabulary.Characters.Count;
        while (pieces.Count < most)
        {
            var counts = Count(words);
            if (counts.Count == 0)
                break;
            var best = counts.OrderByDescending(p => p.Value).ThenBy(p => p.Key.Left, StringComparer.Ordinal).ThenBy(p => p.Key.Right, StringComparer.Ordinal).First();
            if (best.Value < LeastCount)
                break;
            var (left, right) = best.Key;
            // Two pairs may have one union: it keeps its first rank.
            if (known.Add(left + right))
                pieces.Add(left + right);
            foreach (var word in words)
                word.Merge(left, right);
        }

        return pieces;
    }

    private static List<LearnedWord> Words()
    {
        var lessons = new CurriculumGenerator(Seed, LessonSplit.Train);
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < Lessons; i++)
        {
            var lesson = lessons.Next();
            foreach (var text in lesson.Turns.Select(turn => turn.Text).Append(lesson.Answer).Concat(["user", "model"]))
                foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    foreach (var word in Split(line.Replace(' ', PocketVocabulary.Space)))
                        counts[word] = counts.GetValueOrDefault(word) + 1;
        }

        return [.. counts.Where(w => w.Value >= LeastWordCount).OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => new LearnedWord(w.Key, w.Value))];
    }

    private static IEnumerable<string> Split(string line)
    {
        for (var start = 0; start < line.Length;)
        {
            var end = line.IndexOf(PocketVocabulary.Space, start + 1);
            if (end < 0)
                end = line.Length;
            yield return line[start..end];
            start = end;
        }
    }

    private static Dictionary<(string Left, string Right), int> Count(List<LearnedWord> words)
    {
        var counts = new Dictionary<(string, string), int>();
        foreach (var word in words)
            for (var i = 0; i + 1 < word.Symbols.Count; i++)
            {
                var pair = (word.Symbols[i], word.Symbols[i + 1]);
                if (counts.TryGetValue(pair, out var count) || MayBePiece(pair.Item1 + pair.Item2))
                    counts[pair] = count + word.Count;
            }

        return counts;
    }

    private static bool MayBePiece(string text)
    {
        if (text.Any(char.IsAsciiDigit))
            return false;
        var body = text.AsSpan(text[0] == PocketVocabulary.Space ? 1 : 0);
        var letters = 0;
        foreach (var c in body)
            if (IsLetter(c))
                letters++;
        return letters == 0 || letters == body.Length || Scaffolds.Any(scaffold => HasWhole(scaffold, text));
    }

    /// <summary>Does the text stand in the scaffold without cutting a word of it? A half word would stick to other names there.</summary>
    private static bool HasWhole(string scaffold, string text)
    {
        for (var at = scaffold.IndexOf(text, StringComparison.Ordinal); at >= 0; at = scaffold.IndexOf(text, at + 1, StringComparison.Ordinal))
            if (!Cuts(scaffold, at) && !Cuts(scaffold, at + text.Length))
                return true;
        return false;
    }

    private static bool Cuts(string text, int at) => at > 0 && at < text.Length && IsLetter(text[at - 1]) && IsLetter(text[at]);

    private static bool IsLetter(char c) => char.IsAsciiLetter(c) || c == '_';
}
