using Gemma3Server.Catalog;
using Microsoft.Extensions.Options;

namespace Gemma3Server.Hosting;

/// <summary>All settings: section <c>Gemma3</c> of the configuration.</summary>
internal sealed record Gemma3ServerOptions
{
    public const string Section = "Gemma3";

    /// <summary>The default model.</summary>
    [ValidateObjectMembers]
    public ModelSettings Model { get; init; } = new();

    /// <summary>Where pulled models are kept, and which are served beside the default one.</summary>
    [ValidateObjectMembers]
    public ModelsSettings Models { get; init; } = new();

    /// <summary>The models that are known by name; appsettings.json has them.</summary>
    public Dictionary<string, CatalogEntry> Catalog { get; init; } = [];

    /// <summary>How it is loaded and run.</summary>
    [ValidateObjectMembers]
    public RuntimeSettings Runtime { get; init; } = new();

    /// <summary>How requests are scheduled.</summary>
    [ValidateObjectMembers]
    public EngineSettings Engine { get; init; } = new();

    /// <summary>What is kept of the Responses API.</summary>
    [ValidateObjectMembers]
    public ResponseSettings Responses { get; init; } = new();

    /// <summary>How clients reach it.</summary>
    [ValidateObjectMembers]
    public HttpSettings Http { get; init; } = new();
}
