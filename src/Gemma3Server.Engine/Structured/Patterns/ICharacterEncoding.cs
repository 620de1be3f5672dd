using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>How a character is written in bytes.</summary>
internal interface ICharacterEncoding
{
    /// <summary>Takes one character of a set, in any way of writing it, and goes on at <paramref name="next"/>.</summary>
    int Character(GrammarBuilder builder, CodePointSet set, int next);
}
