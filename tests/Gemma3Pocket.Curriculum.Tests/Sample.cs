namespace Gemma3Pocket.Curriculum.Tests;

/// <summary>Lessons to look at.</summary>
internal static class Sample
{
    public static TheoryData<Skill> Skills => [.. Enum.GetValues<Skill>()];

    public static IEnumerable<Lesson> Of(Skill skill, LessonSplit split, int count, ulong seed = 7)
    {
        var generator = new CurriculumGenerator(seed, split);
        for (var i = 0; i < count; i++)
            yield return generator.Next(skill);
    }

    public static string Prompt(this Lesson lesson) => lesson.Turns[^1].Text;

    /// <summary>The whole conversation as one text.</summary>
    public static string Conversation(this Lesson lesson) => string.Join('\n', lesson.Turns.Select(turn => $"{turn.Role}: {turn.Text}"));
}
