using Gemma3Pocket.Curriculum.Skills;

namespace Gemma3Pocket.Curriculum.Tools;

/// <summary>A question that one tool answers, with that tool as it is declared this time.</summary>
internal sealed record ToolRequest
{
    private const int DescribedPercent = 85;

    public required ToolFamily Family { get; init; }

    public required string Name { get; init; }

    /// <summary>The parameters' names this time.</summary>
    public required string[] Parameters { get; init; }

    public required string[] Values { get; init; }

    /// <summary>The compact JSON of the declaration.</summary>
    public required string Declaration { get; init; }

    public required string Question { get; init; }

    public string Call => ToolFormat.Call(
        Name, Parameters.Index().Select(p => (p.Item, ToolValues.Literal(Family.Parameters[p.Index].Kind, Values[p.Index]))));

    public static ToolRequest Draw(LessonRandom random, ToolFamily family)
    {
        var name = random.Percent(50) ? family.Names[0] : random.Of(family.Names);
        var names = family.Parameters.Select(p => random.Percent(50) ? p.Names[0] : random.Of(p.Names)).ToArray();
        var values = new string[names.Length];
        for (var i = 0; i < values.Length; i++)
            do
                values[i] = ToolValues.Draw(random, family.Parameters[i].Kind);
            while (values.AsSpan(0, i).Contains(values[i]));
        return new ToolRequest
        {
            Family = family,
            Name = name,
            Parameters = names,
            Values = values,
            Declaration = ToolFormat.Declaration(
                name, random.Percent(DescribedPercent) ? family.Descriptions[0] : random.Of(family.Descriptions), names.Zip(family.Parameters, (n, p) => (n, p.Type))),
            Question = Phrasing.Fill(random.Of(family.Questions), values),
        };
    }

    /// <summary>The first turn, with other tools declared around this one.</summary>
    /// <param name="random">What the others are drawn from.</param>
    /// <param name="others">How many others.</param>
    /// <param name="declared">False: only the others are declared, so that none fits.</param>
    public string FirstTurn(LessonRandom random, int others, bool declared = true)
    {
        ToolFamily[] families = [.. ToolFamilies.All.Where(family => family != Family)];
        List<string> declarations = [.. random.Some(families, others).Select(family => Draw(random, family).Declaration)];
        if (declared)
            declarations.Insert(random.Below(declarations.Count + 1), Declaration);
        return ToolFormat.FirstTurn($"[{string.Join(',', declarations)}]", Question);
    }
}
