namespace Gemma3Pocket.Data;

/// <summary>Rows of packed lessons. A lesson attends to itself only and starts at position 0, as it will when it is served.</summary>
internal sealed record Batch
{
    /// <summary>Number of rows.</summary>
    public required int Rows { get; init; }

    /// <summary>Tokens of all rows, row by row.</summary>
    public required long[] Tokens { get; init; }

    /// <summary>Position of every token in its lesson.</summary>
    public required long[] Positions { get; init; }

    /// <summary>Of every token, how many tokens its lesson began before it in the row: itself and these are all that it may see.</summary>
    public required int[] Reach { get; init; }

    /// <summary>Indices of the tokens whose next token is trained on.</summary>
    public required long[] Selected { get; init; }

    /// <summary>The next token of each selected one.</summary>
    public required long[] Targets { get; init; }

    /// <summary>Weight of each selected one in the loss.</summary>
    public required float[] Weights { get; init; }

    /// <summary>Of each selected one, whether the next token belongs to an answer.</summary>
    public required bool[] IsAnswer { get; init; }

    /// <summary>Of each selected one, which lesson it belongs to, counted from 0 in the order in which they were added.</summary>
    public required int[] Lessons { get; init; }

    /// <summary>Number of tokens that are not padding.</summary>
    public required int TokenCount { get; init; }
}
