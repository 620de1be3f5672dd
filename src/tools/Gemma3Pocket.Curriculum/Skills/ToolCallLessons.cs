using Gemma3Pocket.Curriculum.Tools;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Chooses one of one to three tools and copies the arguments, or says that none fits. The key is the question with the function's name.</summary>
internal static class ToolCallLessons
{
    public const string NoneFits = "None of my tools can do that.";

    private const int NoneFitsPercent = 10;

    public static LessonDraft Draw(LessonRandom random)
    {
        var request = ToolRequest.Draw(random, random.Of(ToolFamilies.All));
        var others = random.Of([0, 0, 1, 1, 2]);
        if (random.Percent(NoneFitsPercent))
            return new LessonDraft($"tool|none|{request.Question}", request.FirstTurn(random, Math.Max(others, 1), declared: false), NoneFits);
        return new LessonDraft($"tool|{request.Name}|{request.Question}", request.FirstTurn(random, others), request.Call);
    }
}
