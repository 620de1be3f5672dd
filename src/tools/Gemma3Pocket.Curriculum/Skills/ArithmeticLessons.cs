namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>
/// Differences and products. A held-out difference is new in every phrasing. Products are facts to know by heart, so that their key is the
/// phrasing with the numbers: what 7 x 8 is cannot be inferred from other products by a small model.
/// </summary>
internal static class ArithmeticLessons
{
    private const int DifferencePercent = 65;

    private static readonly string[] Differences =
    [
        "What is {0} - {1}?", "{0} - {1} =", "Subtract {1} from {0}.", "What is {0} minus {1}?", "{0} minus {1}", "Calculate {0} - {1}.",
        "{0} - {1}", "How much is {0} - {1}?", "How much is {0} minus {1}?", "Take {1} from {0}.", "{0}-{1}", "Compute {0} - {1}.",
    ];

    private static readonly string[] Products =
    [
        "What is {0} x {1}?", "{0} x {1} =", "Multiply {0} by {1}.", "What is {0} times {1}?", "{0} times {1}", "Calculate {0} x {1}.",
        "{0} * {1}", "How much is {0} x {1}?", "How much is {0} times {1}?", "What is the product of {0} and {1}?", "What is {0} * {1}?", "Compute {0} x {1}.",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        if (random.Percent(DifferencePercent))
        {
            var (a, b) = (random.Below(100), random.Below(100));
            var (from, less) = (Math.Max(a, b), Math.Min(a, b));
            var question = Phrasing.Fill(random.Of(Differences), $"{from}", $"{less}");
            return new LessonDraft($"subtract|{from}|{less}", Phrasing.Open(random, question), $"{from} - {less} = {from - less}");
        }

        var (left, right) = (random.Below(11), random.Below(11));
        var phrasing = random.Of(Products);
        var prompt = Phrasing.Open(random, Phrasing.Fill(phrasing, $"{left}", $"{right}"));
        return new LessonDraft($"multiply|{phrasing}|{left}|{right}", prompt, $"{left} x {right} = {left * right}");
    }
}
