namespace Gemma3Server.Engine.Structured;

/// <summary>Carries a <see cref="GrammarFault"/> out of the depth of a compiler; <see cref="GrammarCompiler"/> makes a value of it.</summary>
internal sealed class GrammarException(string message, string? pointer = null) : Exception(message)
{
    public GrammarFault Fault { get; } = new(message, pointer);
}
