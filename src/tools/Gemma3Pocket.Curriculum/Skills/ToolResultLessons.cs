using Gemma3Pocket.Curriculum.Tools;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Makes a sentence of a tool's result. The key is the call's: the call stands in the lesson as a right
/// answer, and so must be of the same split.</summary>
internal static class ToolResultLessons
{
    private const int SpacedPercent = 60;

    public static LessonDraft Draw(LessonRandom random)
    {
        var request = ToolRequest.Draw(random, random.Of(ToolFamilies.All));
        var family = request.Family;
        var values = family.Results.Select(result => ToolValues.Draw(random, result.Kind)).ToArray();
        var (colon, comma) = random.Percent(SpacedPercent) ? (": ", ", ") : (":", ",");
        var json = string.Join(comma, family.Results.Index().Select(r => $"\"{r.Item.Name}\"{colon}{ToolValues.Literal(r.Item.Kind, values[r.Index])}"));
        return new LessonDraft(
            $"tool|{request.Name}|{request.Question}",
            ToolFormat.Result($"{{{json}}}"),
            Phrasing.Fill(family.Sentence, [.. request.Values, .. values]))
        {
            Earlier = [new LessonTurn("user", request.FirstTurn(random, random.Below(2))), new LessonTurn("assistant", request.Call)],
        };
    }
}
