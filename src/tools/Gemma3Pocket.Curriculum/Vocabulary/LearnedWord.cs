namespace Gemma3Pocket.Curriculum;

/// <summary>A word of the learner's sample, in the pieces it has been merged into so far.</summary>
internal sealed class LearnedWord(string text, int count)
{
    public int Count { get; } = count;

    public List<string> Symbols { get; } = [.. text.Select(c => c.ToString())];

    /// <summary>Joins the pair wherever it stands, from the left.</summary>
    public void Merge(string left, string right)
    {
        for (var i = 0; i + 1 < Symbols.Count; i++)
            if (Symbols[i] == left && Symbols[i + 1] == right)
            {
                Symbols[i] += right;
                Symbols.RemoveAt(i + 1);
            }
    }
}
