using Gemma3Server.Pool;

namespace Gemma3Server.Api.Models;

/// <summary>Where a model stands.</summary>
internal sealed record ModelStatusBody
{
    /// <summary><c>unloaded</c> (the next request loads it), <c>loading</c>, <c>loaded</c>, <c>unloading</c> or <c>failed</c>.</summary>
    public required string Value { get; init; }

    /// <summary>While it is being loaded, the share of its weights that has been read, 0 to 1; absent while its turn has not come.</summary>
    public double? Progress { get; init; }

    /// <summary>True where it has failed.</summary>
    public bool? Failed { get; init; }

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether it stays loaded, whatever is asked for.</summary>
    public required bool Pinned { get; init; }

    /// <summary>Whether it is the model of requests that name none.</summary>
    public bool? Default { get; init; }

    /// <summary>Requests that it answers or that wait in its queue.</summary>
    public int? Requests { get; init; }

    /// <summary>How long it stays after its last request, such as <c>300s</c>; <c>-1</c> = for ever.</summary>
    public required string KeepAlive { get; init; }

    /// <summary>What it takes of the host's memory, in bytes, while it is loaded.</summary>
    public long? HostBytes { get; init; }

    /// <summary>What it takes of all GPUs' memory, in bytes, while it is loaded.</summary>
    public long? GpuBytes { get; init; }

    public static ModelStatusBody Of(ModelStatus status, bool isDefault) => new()
    {
        Value = status.State switch
        {
            ModelState.Loading => "loading",
            ModelState.Loaded => "loaded",
            ModelState.Unloading => "unloading",
            ModelState.Failed => "failed",
            _ => "unloaded",
        },
        Progress = status.Progress is { } progress ? Math.Round(progress, 3) : null,
        Failed = status.State == ModelState.Failed ? true : null,
        Reason = status.Failure,
        Pinned = status.IsPinned,
        Default = isDefault ? true : null,
        Requests = status.Taken is null ? null : status.Requests,
        KeepAlive = status.KeepAlive.ToString(),
        HostBytes = status.Taken?.Host,
        GpuBytes = status.Taken?.Gpu,
    };
}
