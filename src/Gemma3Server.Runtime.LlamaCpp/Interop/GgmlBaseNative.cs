using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>The entry points of <c>libggml-base</c> that are used: versions, log and abort callbacks, types, devices.</summary>
internal static unsafe partial class GgmlBaseNative
{
    public const string Library = "ggml-base";

    [LibraryImport(Library)]
    public static partial byte* ggml_version();

    [LibraryImport(Library)]
    public static partial byte* ggml_commit();

    [LibraryImport(Library)]
    public static partial void ggml_log_set(delegate* unmanaged<GgmlLogLevel, byte*, void*, void> callback, void* data);

    [LibraryImport(Library)]
    public static partial nint ggml_set_abort_callback(delegate* unmanaged<byte*, void> callback);

    [LibraryImport(Library)]
    public static partial nuint ggml_type_size(GgmlType type);

    [LibraryImport(Library)]
    public static partial nuint ggml_row_size(GgmlType type, long elements);

    [LibraryImport(Library)]
    public static partial long ggml_blck_size(GgmlType type);

    [LibraryImport(Library)]
    public static partial nuint ggml_quantize_chunk(GgmlType type, float* source, byte* target, long start, long rows, long rowLength, float* importance);

    [LibraryImport(Library)]
    public static partial GgmlDeviceType ggml_backend_dev_type(nint device);

    [LibraryImport(Library)]
    public static partial byte* ggml_backend_dev_description(nint device);

    [LibraryImport(Library)]
    public static partial nint ggml_backend_dev_host_buffer_type(nint device);

    [LibraryImport(Library)]
    public static partial nint ggml_backend_buft_alloc_buffer(nint bufferType, nuint size);

    [LibraryImport(Library)]
    public static partial void* ggml_backend_buffer_get_base(nint buffer);

    [LibraryImport(Library)]
    public static partial void ggml_backend_buffer_free(nint buffer);

    [LibraryImport(Library)]
    public static partial void ggml_backend_dev_memory(nint device, nuint* free, nuint* total);
}
