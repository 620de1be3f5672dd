namespace Gemma3Server.Hosting;

/// <summary>A command-line flag that sets one setting.</summary>
/// <param name="Name">The flag, such as <c>--port</c>.</param>
/// <param name="Key">The setting below <c>Gemma3</c>, such as <c>Http:Port</c>.</param>
/// <param name="Argument">What stands for the value in the help.</param>
/// <param name="Description">What the help says.</param>
internal sealed record SettingFlag(string Name, string Key, string Argument, string Description)
{
    /// <summary>The settings that are set most often; all others are set with <c>--set Section:Key=Value</c>.</summary>
    public static IReadOnlyList<SettingFlag> All { get; } =
    [
        new("--model", "Model:Path", "MODEL", "GGUF file of a Gemma 3 checkpoint, or the name of a pulled model (default: the built-in pocket model)"),
        new("--draft", "Model:DraftPath", "MODEL", "Smaller Gemma 3 that drafts for the model, e.g. 270M or 1B for 12B or 27B: a GGUF file, or the name of a pulled model"),
        new("--model-id", "Model:Id", "ID", "Id of the model in the API (default: the name given to --model, or the file's name)"),
        new("--models-dir", "Models:Directory", "DIR", "Where pulled models are kept (default: gemma3server/models in the user's data directory)"),
        new("--host", "Http:Host", "HOST", "Address to listen on; * = all (default: 127.0.0.1)"),
        new("--port", "Http:Port", "PORT", "Port to listen on; 0 = any free one (default: 8080)"),
        new("--parallel", "Runtime:Parallel", "N", "Conversations that run at the same time; auto = as many as fit, at most 4 (default: auto)"),
        new("--context", "Runtime:ContextLength", "TOKENS", "Tokens of one conversation; auto = as many as fit, at most 32768 on a GPU, 8192 without (default: auto)"),
        new("--gpu-layers", "Runtime:GpuLayers", "N", "Layers on the GPU; auto = all, or as many as fit (default: auto)"),
        new("--threads", "Runtime:Threads", "N", "Compute threads; 0 = chosen from the cores (default: 0)"),
        new("--queue-limit", "Engine:QueueLimit", "N", "Requests that may wait before 429 (default: 128)"),
        new("--drain-timeout", "Http:DrainTimeout", "SECONDS", "Time for running answers after a stop signal (default: 30)"),
    ];

    /// <summary>How a setting is called in messages: its configuration name, and its flag when it has one.</summary>
    public static string Describe(string key)
    {
        var flag = All.FirstOrDefault(f => string.Equals(f.Key, key, StringComparison.OrdinalIgnoreCase))?.Name;
        return flag is null ? $"{Gemma3ServerOptions.Section}:{key}" : $"{Gemma3ServerOptions.Section}:{key} ({flag})";
    }
}
