namespace Gemma3Server.Engine.Structured.Tools;

/// <summary>How a model writes the call of a tool.</summary>
public enum ToolCallForm
{
    /// <summary><c>{"name": "f", "parameters": {"a": 1}}</c></summary>
    Json,

    /// <summary><c>[f(a=1), g()]</c></summary>
    Pythonic,
}
