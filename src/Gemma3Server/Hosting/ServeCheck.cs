using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Gemma3Server.Pool;

namespace Gemma3Server.Hosting;

/// <summary>Finds what is wrong with the settings of several models.</summary>
internal static class ServeCheck
{
    /// <summary>One line for each fault.</summary>
    public static IEnumerable<string> FindFaults(ModelsSettings models)
    {
        const string Section = $"{Gemma3ServerOptions.Section}:Models";
        foreach (var fault in FindKeepAliveFault($"{Section}:KeepAlive", models.KeepAlive)) yield return fault;
        foreach (var (name, list) in new[] { (nameof(models.Preload), models.Preload), (nameof(models.Pinned), models.Pinned) })
            if (list.Any(string.IsNullOrWhiteSpace)) yield return $"{Section}:{name} must not contain an empty name.";
        foreach (var (id, model) in models.Serve)
        {
            var key = $"{Section}:Serve:{id}";
            foreach (var (name, value) in new[] { (nameof(model.ContextLength), model.ContextLength), (nameof(model.Parallel), model.Parallel), (nameof(model.GpuLayers), model.GpuLayers) })
            {
                // The bounds are those of the setting that it replaces.
                var range = typeof(RuntimeSettings).GetProperty(name)!.GetCustomAttribute<RangeAttribute>()!;
                if (value is not null && !range.IsValid(value)) yield return $"{key}:{name} must be between {range.Minimum} and {range.Maximum}, but is {value}.";
            }

            var formats = typeof(ModelSettings).GetProperty(nameof(ModelSettings.ToolFormat))!.GetCustomAttribute<AllowedValuesAttribute>()!;
            if (model.ToolFormat is not null && !formats.IsValid(model.ToolFormat))
                yield return $"{key}:ToolFormat must be one of {string.Join(", ", formats.Values)}, but is '{model.ToolFormat}'.";
            if (model.SharedCells is { Length: > 0 } cells && !"auto".Equals(cells, StringComparison.OrdinalIgnoreCase) && !bool.TryParse(cells, out _))
                yield return $"{key}:SharedCells must be auto, true or false, but is '{cells}'.";
            foreach (var fault in FindKeepAliveFault($"{key}:KeepAlive", model.KeepAlive)) yield return fault;
        }
    }

    private static IEnumerable<string> FindKeepAliveFault(string key, string? text)
    {
        if (text is not null && !KeepAlive.TryParse(text, out _))
            yield return $"{key} must be seconds or a time such as 5m or 1h30m, of at most 720h, 0 or -1, but is '{text}'.";
    }
}
