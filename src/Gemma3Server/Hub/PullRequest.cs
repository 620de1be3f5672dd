namespace Gemma3Server.Hub;

/// <summary>What to pull from one repository.</summary>
internal sealed record PullRequest
{
    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>The files, the model first; none = <see cref="Choice"/>.</summary>
    public IReadOnlyList<PullItem> Items { get; init; } = [];

    /// <summary>Where no files are given: a part of the model's name, or null for the only one.</summary>
    public string? Choice { get; init; }
}
