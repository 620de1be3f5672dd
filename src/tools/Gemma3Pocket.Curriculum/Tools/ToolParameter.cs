namespace Gemma3Pocket.Curriculum.Tools;

/// <summary>A parameter of a family of tools.</summary>
/// <param name="Kind">Where its values come from, see <see cref="ToolValues"/>.</param>
/// <param name="Names">What it may be called: the model must read the declaration.</param>
internal sealed record ToolParameter(string Kind, params string[] Names)
{
    public string Type => ToolValues.IsNumber(Kind) ? "integer" : "string";
}
