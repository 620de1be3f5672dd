namespace Gemma3Pocket.Curriculum;

/// <summary>What a skill draws; the generator checks its split and dresses it with other turns.</summary>
/// <param name="Key">The combination that is either trained or held out.</param>
/// <param name="Prompt">The last user turn.</param>
/// <param name="Answer">The one right answer.</param>
internal sealed record LessonDraft(string Key, string Prompt, string Answer)
{
    /// <summary>User and assistant turns that the prompt refers to.</summary>
    public IReadOnlyList<LessonTurn> Earlier { get; init; } = [];

    /// <summary>How many exchanges of other skills go between <see cref="Earlier"/> and the prompt.</summary>
    public int Interruptions { get; init; }

    /// <summary>It tells or asks something about the user, and so would change what another lesson's right answer is.</summary>
    public bool IsPersonal { get; init; }
}
