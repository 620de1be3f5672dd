using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Json;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Tools;

/// <summary>Builds the network of a <see cref="ToolCallGrammar"/>.</summary>
/// <remarks>
/// Behind the opening everything but the arguments is written in one way only, so that it is appended without sampling. Several calls follow each
/// other, in the JSON form with or without a comma, and what a model may have put around them (brackets of a list, a code fence) may be closed.
/// </remarks>
internal sealed class ToolCallCompiler
{
    private const string Fence = "```";

    private readonly GrammarBuilder _builder;
    private readonly JsonGrammar _json;
    private readonly CancellationToken _cancellationToken;

    private ToolCallCompiler(GrammarBuilder builder, CancellationToken cancellationToken)
    {
        var factory = new PatternFactory();
        _builder = builder;
        _json = new(builder, factory, new(factory), pythonic: false, cancellationToken);
        _cancellationToken = cancellationToken;
    }

    /// <summary>The node where the answer begins.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="grammar">The grammar.</param>
    /// <param name="otherwise">Where an answer without calls begins, if the grammar says anything of that.</param>
    /// <param name="cancellationToken">Ends the compilation.</param>
    public static int Build(GrammarBuilder builder, ToolCallGrammar grammar, int? otherwise, CancellationToken cancellationToken)
    {
        var compiler = new ToolCallCompiler(builder, cancellationToken);
        var opening = grammar.Form == ToolCallForm.Json ? CallOpening.Json : CallOpening.Pythonic;
        var behind = grammar.Form == ToolCallForm.Json ? compiler.JsonCalls(grammar) : compiler.PythonicCalls(grammar);
        if (grammar.Required) return opening.Strict(builder, behind);
        return otherwise is { } text ? builder.Split(text, opening.Strict(builder, behind)) : opening.Free(builder, behind);
    }

    /// <summary>For each tool what follows the opening of its call.</summary>
    private Dictionary<string, int> JsonCalls(ToolCallGrammar grammar)
    {
        var after = grammar.Parallel ? _builder.Reserve() : GrammarBuilder.Return;
        var end = _json.Close('}', after);
        var behind = Behind(grammar, tool => _json.Text(", \"parameters\": ", Arguments(tool, end)));
        if (!grammar.Parallel) return behind;
        var call = CallOpening.Json.Strict(_builder, behind);
        _builder.Define(after, _json.Space(_builder.Split(
            GrammarBuilder.Return, call, _json.Text(",", _json.Space(call)), _json.Text("]", Fenced()), _json.Text(Fence, GrammarBuilder.Return))));
        return behind;
    }

    private Dictionary<string, int> PythonicCalls(ToolCallGrammar grammar)
    {
        var after = grammar.Parallel ? _builder.Reserve() : _json.Text("]", GrammarBuilder.Return);
        var behind = Behind(grammar, tool => Keywords(tool, after));
        if (grammar.Parallel) _builder.Define(after, _json.Text("]", Fenced()), _json.Comma(CallOpening.Pythonic.Names(_builder, behind)));
        return behind;
    }

    /// <summary>The end behind a list of calls, with the end of a code fence or not.</summary>
    private int Fenced() => _json.Space(_builder.Split(GrammarBuilder.Return, _json.Text(Fence, GrammarBuilder.Return)));

    private int Arguments(CallableTool tool, int next) => tool.Parameters.Length == 0
        ? _json.Text("{}", next)
        : _builder.Call(JsonSchemaCompiler.Build(_builder, tool.Parameters, _cancellationToken), next);

    private int Keywords(CallableTool tool, int next) => tool.Parameters.Length == 0
        ? _json.Text(")", next)
        : _builder.Call(JsonSchemaCompiler.BuildKeywords(_builder, tool.Parameters, _cancellationToken), next);

    private static Dictionary<string, int> Behind(ToolCallGrammar grammar, Func<CallableTool, int> build)
    {
        var behind = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (index, tool) in grammar.Tools.Index())
        {
            try
            {
                behind[tool.Name] = build(tool);
            }
            catch (GrammarException exception) when (exception.Fault.Pointer is { } pointer)
            {
                throw new GrammarException(exception.Message, $"/{index}{pointer}");
            }
        }

        return behind;
    }
}
