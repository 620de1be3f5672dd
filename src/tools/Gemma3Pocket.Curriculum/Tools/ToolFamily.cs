namespace Gemma3Pocket.Curriculum.Tools;

/// <summary>Tools that do the same under different names.</summary>
internal sealed record ToolFamily
{
    /// <summary>What the function may be called.</summary>
    public required string[] Names { get; init; }

    /// <summary>What its declaration may say.</summary>
    public required string[] Descriptions { get; init; }

    public required ToolParameter[] Parameters { get; init; }

    /// <summary>Ways to ask for it; <c>{0}</c> is the first argument.</summary>
    public required string[] Questions { get; init; }

    /// <summary>Fields of its result: the name and the kind of the value.</summary>
    public required (string Name, string Kind)[] Results { get; init; }

    /// <summary>The sentence made of arguments and, after them, results.</summary>
    public required string Sentence { get; init; }
}
