using System.Text;
using System.Text.Json;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Gbnf;
using Gemma3Server.Engine.Structured.Json;
using Gemma3Server.Engine.Structured.Patterns;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Engine.Structured;

/// <summary>Makes a network of a <see cref="GrammarDefinition"/>, or says what is wrong with it. Runs on request threads.</summary>
internal static class GrammarCompiler
{
    private const int MostChoices = 10_000;
    private const int MostChoiceCharacters = 1 << 20;

    /// <summary>The network, or the fault.</summary>
    public static (GrammarNetwork? Network, GrammarFault? Fault) Compile(GrammarDefinition definition, CancellationToken cancellationToken)
    {
        try
        {
            var builder = new GrammarBuilder(cancellationToken);
            return (builder.Build(Build(builder, definition, cancellationToken)), null);
        }
        catch (GrammarException exception)
        {
            return (null, exception.Fault);
        }
        catch (InsufficientExecutionStackException)
        {
            return (null, new("The grammar is nested too deeply."));
        }
    }

    private static int Build(GrammarBuilder builder, GrammarDefinition definition, CancellationToken cancellationToken) =>
        Wrap(builder, definition, Content(builder, definition, cancellationToken));

    private static int Content(GrammarBuilder builder, GrammarDefinition definition, CancellationToken cancellationToken)
    {
        switch (definition.Kind)
        {
            case GrammarKind.JsonObject:
                return JsonSchemaCompiler.BuildAnyObject(builder, cancellationToken);
            case GrammarKind.JsonSchema:
                return JsonSchemaCompiler.Build(builder, definition.Text, cancellationToken);
            case GrammarKind.Gbnf:
                return GbnfParser.Build(builder, definition.Text, cancellationToken);
            case GrammarKind.Regex:
                var factory = new PatternFactory();
                var pattern = RegexParser.Whole(factory, definition.Text);
                return Rule(builder, new PatternLowering(builder, Utf8Encoding.Instance, new(factory), cancellationToken).Build(pattern, GrammarBuilder.Return));
            case GrammarKind.Choice:
                return Rule(builder, Choice(builder, definition.Text));
            case GrammarKind.ToolCalls:
                var tools = ToolCallGrammar.Read(definition.Text);
                int? otherwise = tools.Otherwise is { } text ? builder.Call(Build(builder, text, cancellationToken), GrammarBuilder.Return) : null;
                return Rule(builder, ToolCallCompiler.Build(builder, tools, otherwise, cancellationToken));
            default:
                throw new ArgumentOutOfRangeException(nameof(definition), definition.Kind, "Unknown kind of grammar.");
        }
    }

    private static int Rule(GrammarBuilder builder, int start)
    {
        var rule = builder.DeclareRule();
        builder.DefineRule(rule, start);
        return rule;
    }

    private static int Choice(GrammarBuilder builder, string json)
    {
        var choices = JsonSerializer.Deserialize<string[]>(json) ?? [];
        if (choices.Length is 0 or > MostChoices) throw new GrammarException($"There must be 1 to {MostChoices} choices, but there are {choices.Length}.");
        var length = choices.Sum(c => (long)c.Length);
        if (length > MostChoiceCharacters) throw new GrammarException($"The choices have {length} characters; at most {MostChoiceCharacters} are allowed.");
        if (Array.IndexOf(choices, "") is >= 0 and var empty) throw new GrammarException($"The choice {empty} is empty.");
        return builder.Split(Array.ConvertAll(choices, choice => builder.Literal(Encoding.UTF8.GetBytes(choice), GrammarBuilder.Return)));
    }

    /// <summary>Puts prefix, suffix, repetition and free text around the content.</summary>
    private static int Wrap(GrammarBuilder builder, GrammarDefinition definition, int content)
    {
        var (prefix, suffix) = (Encoding.UTF8.GetBytes(definition.Prefix), Encoding.UTF8.GetBytes(definition.Suffix));
        if (definition.Trigger is { } trigger) return Rule(builder, FreeText(builder, definition.Repeats, trigger, Round));
        if (!definition.Repeats) return Rule(builder, Round(GrammarBuilder.Return));
        var end = builder.Reserve();
        var round = Round(end);
        builder.Define(end, round, GrammarBuilder.Return);
        return Rule(builder, round);

        int Round(int next) => builder.Literal(prefix, builder.Call(content, builder.Literal(suffix, next)));
    }

    /// <summary>
    /// Any bytes, in which every occurrence of the trigger is followed by a round. The states are how much of the trigger the text ends with
    /// (Knuth, Morris and Pratt 1977).
    /// </summary>
    private static int FreeText(GrammarBuilder builder, bool repeats, string trigger, Func<int, int> round)
    {
        var bytes = Encoding.UTF8.GetBytes(trigger);
        if (bytes.Length == 0) throw new GrammarException("The trigger is empty.");
        var states = new int[bytes.Length];
        for (var i = 0; i < states.Length; i++) states[i] = builder.Reserve();
        var awake = round(repeats ? states[0] : GrammarBuilder.Return);
        for (var matched = 0; matched < bytes.Length; matched++)
        {
            var ways = new List<int> { GrammarBuilder.Return };
            var others = ~default(ByteSet);
            foreach (var value in bytes.Distinct())
            {
                var next = Matched(bytes, matched, value);
                if (next == 0) continue;
                ways.Add(builder.Bytes(ByteSet.Of(value), next == bytes.Length ? awake : states[next]));
                others &= ~ByteSet.Of(value);
            }

            ways.Add(builder.Bytes(others, states[0]));
            builder.Define(states[matched], [.. ways]);
        }

        return states[0];
    }

    /// <summary>How much of the pattern the text ends with, when it ended with <paramref name="matched"/> of it and one byte more is read.</summary>
    private static int Matched(byte[] pattern, int matched, byte value)
    {
        byte[] text = [.. pattern.AsSpan(0, matched), value];
        var length = text.Length;
        while (length > 0 && !pattern.AsSpan(0, length).SequenceEqual(text.AsSpan(text.Length - length))) length--;
        return length;
    }
}
