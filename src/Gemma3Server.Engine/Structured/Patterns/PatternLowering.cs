using System.Runtime.CompilerServices;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Builds the network of patterns in one encoding.</summary>
/// <param name="builder">Where to.</param>
/// <param name="encoding">How characters are written.</param>
/// <param name="derivatives">For patterns with And and Not, which become automata.</param>
/// <param name="cancellationToken">Stops the making of large automata.</param>
internal sealed class PatternLowering(
    GrammarBuilder builder, ICharacterEncoding encoding, Derivatives derivatives, CancellationToken cancellationToken)
{
    /// <summary>
    /// States of one automaton: those of a pattern times those of a length, so a bounded one of a few hundred characters is far below.
    /// </summary>
    private const int MostStates = 10_000;

    private readonly Dictionary<Pattern, int> _rules = [];

    /// <summary>Takes what a pattern matches.</summary>
    public int Build(Pattern pattern, int next)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (next == GrammarBuilder.Dead) return next;
        switch (pattern.Kind)
        {
            case PatternKind.Nothing:
                return GrammarBuilder.Dead;
            case PatternKind.Empty:
                return next;
            case PatternKind.Set:
                return encoding.Character(builder, pattern.Set, next);
            case PatternKind.Rule:
                return builder.Call(pattern.Rule, next);
            case PatternKind.Sequence:
                return BuildSequence(pattern, next);
            case PatternKind.Or when !pattern.IsBoolean:
                return builder.Split(Array.ConvertAll(pattern.Parts, part => Build(part, next)));
            case PatternKind.Repeat when !pattern.IsBoolean:
                return BuildRepeat(pattern, next);
            default:
                return BuildAutomaton(pattern, next);
        }
    }

    private int BuildSequence(Pattern pattern, int next)
    {
        if (pattern.IsBoolean) return BuildAutomaton(pattern, next);
        var parts = new List<Pattern>();
        for (; pattern.Kind == PatternKind.Sequence; pattern = pattern.Parts[1]) parts.Add(pattern.Parts[0]);
        next = Build(pattern, next);
        for (var i = parts.Count - 1; i >= 0; i--) next = Build(parts[i], next);
        return next;
    }

    private int BuildRepeat(Pattern pattern, int next)
    {
        var (part, min, max) = (pattern.Parts[0], pattern.Min, pattern.Max);
        if (max == 1) return builder.Split(Build(part, next), next);
        if (max == Pattern.Unbounded && min <= 1)
        {
            var loop = builder.Reserve();
            var body = Build(part, loop);
            builder.Define(loop, body, next);
            return min == 1 ? body : loop;
        }

        // A counter, so that a thousand repetitions take no more room than one.
        if (!_rules.TryGetValue(part, out var rule))
        {
            _rules[part] = rule = builder.DeclareRule();
            builder.DefineRule(rule, Build(part, GrammarBuilder.Return));
        }

        return builder.Repeat(rule, min, max, next);
    }

    private int BuildAutomaton(Pattern pattern, int next)
    {
        var states = new Dictionary<int, int> { [pattern.Id] = builder.Reserve() };
        var work = new Queue<Pattern>([pattern]);
        while (work.TryDequeue(out var state))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var edges = new Dictionary<Pattern, CodePointSet>();
            foreach (var set in derivatives.Classes(state))
            {
                var target = derivatives.Behind(state, set.First);
                if (target.Kind == PatternKind.Nothing) continue;
                edges[target] = edges.TryGetValue(target, out var others) ? others.Or(set) : set;
                if (states.ContainsKey(target.Id)) continue;
                if (states.Count == MostStates)
                {
                    throw new GrammarException($"The combination of regular expressions and lengths is too large: it needs more than {MostStates} states.");
                }

                states[target.Id] = builder.Reserve();
                work.Enqueue(target);
            }

            var targets = edges.Select(edge => encoding.Character(builder, edge.Value, states[edge.Key.Id])).ToList();
            if (state.IsNullable) targets.Add(next);
            builder.Define(states[state.Id], [.. targets]);
        }

        return states[pattern.Id];
    }
}
