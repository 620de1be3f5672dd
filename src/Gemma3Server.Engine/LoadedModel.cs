using Gemma3Server.Engine.Structured;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine;

/// <summary>What request threads may know of the runtime.</summary>
internal sealed record LoadedModel(ModelInfo Info, RuntimeLimits Limits, ITokenizer Tokenizer, bool Embeds)
{
    /// <summary>Compiled grammars.</summary>
    public GrammarCache Grammars { get; } = new(Tokenizer);
}
