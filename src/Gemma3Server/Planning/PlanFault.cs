namespace Gemma3Server.Planning;

/// <summary>A wish that cannot be planned.</summary>
/// <param name="field">The wish at fault: <c>model</c>, <c>context</c> or <c>source</c>.</param>
/// <param name="problem">The rest of the sentence that begins with the field's name, without its end.</param>
internal sealed class PlanFault(string field, string problem) : Exception($"{field} {Sentence(problem)}")
{
    public string Field { get; } = field;

    public string Problem { get; } = Sentence(problem);

    private static string Sentence(string text) => text.EndsWith('?') ? text : text + ".";
}
