namespace Gemma3Pocket.Curriculum;

/// <summary>A conversation that ends with a user's turn, and its one right answer.</summary>
public sealed record Lesson
{
    /// <summary>What it trains or examines.</summary>
    public required Skill Skill { get; init; }

    /// <summary>
    /// The turns before the answer: an optional system turn, then user and assistant in turn; the last one is the user's. The assistant's
    /// turns are right answers too, so that they are trained on as well.
    /// </summary>
    public required IReadOnlyList<LessonTurn> Turns { get; init; }

    /// <summary>The right answer, exact to the character: a greedy model that knows the skill says just this.</summary>
    public required string Answer { get; init; }
}
