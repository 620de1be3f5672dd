namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Counts up, down or in steps, at most 15 numbers.</summary>
internal static class CountingLessons
{
    private const int Most = 15;

    private static readonly string[] Plain =
        ["Count from {0} to {1}.", "Please count from {0} to {1}.", "Count up from {0} to {1}.", "Write the numbers from {0} to {1}.", "List the numbers from {0} to {1}."];

    private static readonly string[] Down =
        ["Count down from {0} to {1}.", "Count backwards from {0} to {1}.", "Please count down from {0} to {1}.", "Count from {0} down to {1}."];

    private static readonly string[] Stepped =
        ["Count from {0} to {1} by {2}.", "Count from {0} to {1} in steps of {2}.", "Count by {2} from {0} to {1}.", "Count in steps of {2} from {0} to {1}."];

    private static readonly int[] Steps = [2, 3, 4, 5, 10];

    public static LessonDraft Draw(LessonRandom random)
    {
        var kind = random.Below(3);
        var step = kind == 2 ? random.Of(Steps) : 1;
        var count = random.Between(3, kind == 2 ? 10 : Most);
        var first = random.Between(0, 99 - (count - 1) * Math.Min(step, 9));
        var numbers = Enumerable.Range(0, count).Select(i => first + i * step);
        if (kind == 1)
            numbers = numbers.Reverse();
        var listed = numbers.ToArray();
        var phrasing = random.Of(kind switch { 0 => Plain, 1 => Down, _ => Stepped });
        var prompt = Phrasing.Fill(phrasing, $"{listed[0]}", $"{listed[^1]}", $"{step}");
        return new LessonDraft($"count|{listed[0]}|{listed[^1]}|{step}", Phrasing.Open(random, prompt), string.Join(", ", listed));
    }
}
