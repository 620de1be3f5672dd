using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured;

/// <summary>A compiled grammar for the tokens of one model, shared by all sequences that it constrains. Thread-safe.</summary>
/// <remarks>What it learns while it is used (states, masks, forced tokens) is kept up to a bound, and made again when needed after that.</remarks>
internal sealed class Grammar
{
    /// <summary>Memory for the states and masks of one grammar: 500 masks of Gemma's vocabulary that are too long to be listed.</summary>
    private const long MostStateBytes = 16L << 20;

    private readonly TokenVocabulary _vocabulary;
    private readonly GrammarStates _states;
    private readonly Lock _lock = new();
    private MaskBuilder? _builder;

    public Grammar(GrammarNetwork network, TokenVocabulary vocabulary, long mostStateBytes = MostStateBytes)
    {
        _vocabulary = vocabulary;
        _states = new(network, vocabulary.LongestToken, mostStateBytes);
    }

    /// <summary>Before the first token.</summary>
    public GrammarState Start => _states.Start;

    /// <summary>The tokens' bytes.</summary>
    public TokenVocabulary Vocabulary => _vocabulary;

    /// <summary>Estimated size in memory now.</summary>
    public long Bytes => _states.Network.Bytes + _states.Bytes;

    /// <summary>The state behind some bytes, dead when they may not follow.</summary>
    public static GrammarState Step(GrammarState state, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            state = state.Step(value);
            if (state.IsDead) break;
        }

        return state;
    }

    /// <summary>The tokens that may follow a state, those that end the text aside, if they are known already.</summary>
    public static TokenMask? KnownMask(GrammarState state) => state.Mask ?? state.Horizon.Mask;

    /// <summary>The tokens that may follow a state, those that end the text aside; the same ones however they were found.</summary>
    public TokenMask Mask(GrammarState state)
    {
        if (KnownMask(state) is { } known) return known;
        var horizon = state.Horizon;
        lock (_lock)
        {
            if (horizon.Mask is { } made) return made;
            _builder ??= new(_vocabulary);
            var mask = _builder.Build(horizon);
            horizon.Mask = mask;
            _states.Charge(mask.Bytes);
            return mask;
        }
    }

    /// <summary>The tokens that must follow a state, because the grammar leaves no choice; empty when there is one.</summary>
    public int[] Forced(GrammarState state) => state.Forced ??= ForcedRun.Find(state, _vocabulary);
}
