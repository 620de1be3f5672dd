namespace Gemma3Server.Cli.Perplexity;

/// <summary>What <c>perplexity</c> was asked for.</summary>
/// <param name="Models">The checkpoints to measure; at least one.</param>
/// <param name="Reference">The checkpoint they are compared with, if any.</param>
/// <param name="Text">The text file, or a .jsonl file of conversations.</param>
/// <param name="AnswersOnly">Whether only the assistant's turns are scored.</param>
internal sealed record PerplexityPlan(IReadOnlyList<string> Models, string? Reference, FileInfo Text, bool AnswersOnly)
{
    /// <summary>Whether the text is one conversation a line.</summary>
    public bool IsConversations => Text.Extension.Equals(".jsonl", StringComparison.OrdinalIgnoreCase);

    /// <summary>The checkpoints in the order in which they are loaded: the reference first.</summary>
    public IEnumerable<string> Files => Reference is null ? Models : Models.Prepend(Reference);

    /// <summary>How a checkpoint is called in results: by its file's name, or by its path where two have the same name.</summary>
    public string NameOf(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        return Files.Distinct(StringComparer.Ordinal).Count(other => Path.GetFileNameWithoutExtension(other) == name) > 1 ? file : name;
    }
}
