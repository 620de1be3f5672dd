using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Structured;

/// <summary>The compiled grammars of one model, by their content; those that were used longest ago give way. Thread-safe.</summary>
/// <remarks>
/// The vocabulary's trees are made in the background as soon as the model is there; the first grammar waits for them. Then, once in a process, a
/// schema is compiled that nobody has asked for: its code becomes machine code, for which the first request would wait, some 50 ms.
/// </remarks>
internal sealed class GrammarCache
{
    private const string First =
        """{"type":"object","properties":{"a":{"type":"string","maxLength":9},"b":{"type":"array","items":{"type":"integer","minimum":1}},"c":{"enum":["d"]}},"required":["a"]}""";

    /// <summary>Memory for all grammars with what they have learned: some hundred schemas.</summary>
    private const long MostBytes = 256L << 20;

    private static int _processIsWarm;

    private readonly long _mostBytes;
    private readonly Task<TokenVocabulary> _vocabulary;
    private readonly Lock _lock = new();
    private readonly Dictionary<GrammarDefinition, LinkedListNode<(GrammarDefinition Definition, Grammar Grammar)>> _known = [];
    private readonly LinkedList<(GrammarDefinition Definition, Grammar Grammar)> _byUse = [];

    public GrammarCache(ITokenizer tokenizer, long mostBytes = MostBytes)
    {
        _mostBytes = mostBytes;
        _vocabulary = Task.Run(() => new TokenVocabulary(tokenizer));
        if (Interlocked.Exchange(ref _processIsWarm, 1) == 0) _ = WarmUpAsync();
    }

    /// <summary>Grammars that are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _known.Count;
        }
    }

    /// <summary>The grammar of a definition, or what is wrong with it. Compiles on the caller's thread.</summary>
    public (Grammar? Grammar, GrammarFault? Fault) Get(GrammarDefinition definition, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_known.TryGetValue(definition, out var node))
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
                return (node.Value.Grammar, null);
            }
        }

        var (network, fault) = GrammarCompiler.Compile(definition, cancellationToken);
        if (network is null) return (null, fault);
        _vocabulary.Wait(cancellationToken);
        Grammar grammar;
        try
        {
            grammar = new Grammar(network, _vocabulary.Result);
        }
        catch (GrammarException exception)
        {
            return (null, exception.Fault);
        }

        lock (_lock)
        {
            // Who compiled the same at the same time was first.
            if (_known.TryGetValue(definition, out var other)) return (other.Value.Grammar, null);
            _known[definition] = _byUse.AddFirst((definition, grammar));
            Shrink();
        }

        return (grammar, null);
    }

    private async Task WarmUpAsync()
    {
        var vocabulary = await _vocabulary.ConfigureAwait(false);
        var matcher = new GrammarMatcher(new(GrammarCompiler.Compile(new(GrammarKind.JsonSchema, First), default).Network!, vocabulary));
        for (var i = 0; i < 8 && matcher.Mask().List is [var token, ..]; i++)
        {
            matcher.TryAccept(matcher.Forced is [var forced, ..] ? forced : token);
        }
    }

    private void Shrink()
    {
        var bytes = _byUse.Sum(entry => entry.Grammar.Bytes + (2L * entry.Definition.Text.Length));
        while (bytes > _mostBytes && _byUse.Count > 1)
        {
            var (definition, grammar) = _byUse.Last!.Value;
            bytes -= grammar.Bytes + (2L * definition.Text.Length);
            _known.Remove(definition);
            _byUse.RemoveLast();
        }
    }
}
