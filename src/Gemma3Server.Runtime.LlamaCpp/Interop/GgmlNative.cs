using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>The entry points of <c>libggml</c> (the backend registry) that are used.</summary>
internal static unsafe partial class GgmlNative
{
    public const string Library = "ggml";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial void ggml_backend_load_all_from_path(string directory);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint ggml_backend_load(string path);

    [LibraryImport(Library)]
    public static partial nuint ggml_backend_dev_count();

    [LibraryImport(Library)]
    public static partial nint ggml_backend_dev_get(nuint index);
}
