namespace Gemma3Server.Engine.Structured.Tools;

/// <summary>A tool that may be called.</summary>
/// <param name="Name">Its name: letters, digits, hyphens and underscores.</param>
/// <param name="Parameters">The JSON Schema of its arguments, an object; empty = none.</param>
public sealed record CallableTool(string Name, string Parameters);
