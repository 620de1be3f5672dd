using System.Globalization;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>The tools of a request, and how they may be used in the answer.</summary>
internal sealed record ToolUse
{
    /// <summary>How calls are written.</summary>
    public required ToolCallForm Form { get; init; }

    /// <summary>All tools that the model is told of, so that the beginning of the prompt stays the same whichever of them may be called.</summary>
    public required IReadOnlyList<ToolDeclaration> Declared { get; init; }

    /// <summary>Those that may be called; at least one.</summary>
    public required IReadOnlyList<ToolDeclaration> Callable { get; init; }

    /// <summary>Whether the answer must be a call.</summary>
    public bool Required { get; init; }

    /// <summary>Whether the answer may be several calls.</summary>
    public bool Parallel { get; init; } = true;

    /// <summary>What an answer that is no call must look like.</summary>
    public GrammarDefinition? Otherwise { get; init; }

    /// <summary>What stands in the first user turn, before what the user says.</summary>
    public string Preamble => ToolFormat.Preamble(Form, Declared);

    /// <summary>What the answer must look like.</summary>
    public GrammarDefinition Grammar => new ToolCallGrammar
    {
        Form = Form,
        Tools = [.. Callable.Select(tool => tool.Callable)],
        Required = Required,
        Parallel = Parallel,
        Otherwise = Otherwise,
    }.ToDefinition();

    /// <summary>A reader of one answer.</summary>
    public ToolCallParser CreateParser() => new(this);

    /// <summary>
    /// Compiles <see cref="Grammar"/>, and that of all tools if some may not be called; returns what is wrong with them: the pointer of a fault
    /// begins with the number of the tool.
    /// </summary>
    public OpenAiError? Compile(InferenceEngine engine, CancellationToken cancellationToken)
    {
        if (Callable.Count < Declared.Count && (this with { Callable = Declared }).Compile(engine, cancellationToken) is { } error) return error;
        const string Code = "invalid_function_parameters";
        if (engine.CheckGrammar(Grammar, cancellationToken) is not { } fault) return null;
        var parts = (fault.Pointer ?? "").Split('/', 3);
        if (parts.Length < 2 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            return OpenAiError.Invalid("tools", $"'tools' cannot be used: {fault.Message}", Code);
        var param = Callable[index].Param;
        var place = parts.Length > 2 ? $" at '/{Excerpt.Of(parts[2])}'" : "";
        return OpenAiError.Invalid(param, $"'{param}' cannot be used{place}: {fault.Message}", Code);
    }
}
