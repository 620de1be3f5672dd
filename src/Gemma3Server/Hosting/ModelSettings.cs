using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>Which model is served.</summary>
internal sealed record ModelSettings
{
    /// <summary>Path of the GGUF file, or the name of a pulled model (<see cref="NamedModel"/>); empty = <see cref="EmbeddedModel"/>.</summary>
    public string? Path { get; init; }

    /// <summary>Path of the GGUF file of a smaller model of the same vocabulary that drafts for it, or the name of a pulled one; empty = none.</summary>
    public string? DraftPath { get; init; }

    /// <summary>Id in the API; by default the name that <see cref="Path"/> gives, or its file's without the extension.</summary>
    public string? Id { get; init; }

    /// <summary>How the model is to write calls of tools: json or pythonic, see <see cref="Chat.Tools.ToolFormat"/>.</summary>
    [AllowedValues("json", "pythonic")]
    public string ToolFormat { get; init; } = "json";
}
