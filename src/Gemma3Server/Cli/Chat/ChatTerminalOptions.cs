namespace Gemma3Server.Cli.Chat;

/// <summary>How a terminal chat starts.</summary>
internal sealed record ChatTerminalOptions
{
    /// <summary>The system message, if any.</summary>
    public string? System { get; init; }

    /// <summary>Sampling temperature; <see langword="null"/> = the server's default.</summary>
    public double? Temperature { get; init; }

    /// <summary>Most tokens of an answer; <see langword="null"/> = the server's default.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Seed; <see langword="null"/> = none.</summary>
    public long? Seed { get; init; }

    /// <summary>Whether a person types; with piped input only the answers are printed.</summary>
    public bool Interactive { get; init; }
}
