using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>A tool as a request declares it.</summary>
/// <param name="Param">Where its schema stands in the request, for messages.</param>
/// <param name="Json">What the model is shown: compact JSON of name, description and parameters.</param>
/// <param name="Callable">What its calls are constrained by.</param>
internal sealed record ToolDeclaration(string Param, string Json, CallableTool Callable)
{
    public string Name => Callable.Name;
}
