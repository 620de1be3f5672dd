namespace Gemma3Pocket.Curriculum;

/// <summary>A lesson as the model sees it.</summary>
public sealed record EncodedLesson
{
    /// <summary>The whole conversation with its control tokens, from <c>&lt;bos&gt;</c> to the line break after the answer.</summary>
    public required int[] Tokens { get; init; }

    /// <summary>For each token: is it the assistant's text, or the <c>&lt;end_of_turn&gt;</c> that ends it? Only these are learned.</summary>
    public required bool[] IsAnswer { get; init; }
}
