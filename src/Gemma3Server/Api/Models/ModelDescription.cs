namespace Gemma3Server.Api.Models;

/// <summary>A model that can be asked for.</summary>
internal sealed record ModelDescription
{
    /// <summary>What requests put into <c>model</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Always <c>model</c>.</summary>
    public string Object { get; init; } = "model";

    /// <summary>When the server began to serve it; Unix time in seconds.</summary>
    public required long Created { get; init; }

    /// <summary>Whose model it is, as far as this server knows.</summary>
    public required string OwnedBy { get; init; }

    /// <summary>Extension: further names of it.</summary>
    public IReadOnlyList<string>? Aliases { get; init; }

    /// <summary>Extension: where it stands.</summary>
    public required ModelStatusBody Status { get; init; }
}
