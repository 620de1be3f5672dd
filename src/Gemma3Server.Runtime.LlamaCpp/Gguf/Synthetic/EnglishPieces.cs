namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Pieces for English prose and some code: letter pairs first, then common words with their usual endings.</summary>
internal static class EnglishPieces
{
    private const string Pairs =
        "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma " +
        "si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo " +
        "ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke ui fr oo ag ov ap do bo sp av bu up ck";

    private const string Endings = "ing tion ment ness able ible ally ence ance ould ight ough ation ions ings ists ious eous less ful ward ship ized ed er est ly";

    private const string Words =
        "the of and to in a is that for it as was with be by on not he i this are or his from at which but have an had they you were their one all we " +
        "can her has there been if more when will would who so no out up said what its about than into them only some time could these two may then do " +
        "first any my now such like our over man me even most made after also did many before must through back years where much your way well down " +
        "should because each just those people how too little state good very make world still own see men work long get here between both life being " +
        "under never day same another know while last might us great old year off come since against go came right used take three states himself few " +
        "house use during without again place around however home small found thought went say part once general high upon school every does got " +
        "united left number course war until always away something fact though water less public put thing almost hand enough far took head yet " +
        "government system better set told nothing night end why called find going look asked later point knew next city business give group toward " +
        "young days let room word given order white present large light second family face country need several become case side kind hundred along " +
        "four best among service development program area mean level problem question company local change form important social power since human " +
        "interest read open write play run move live believe hold bring happen provide sit stand lose pay meet include continue learn lead " +
        "understand watch follow stop create speak allow add spend grow walk win offer remember love consider appear buy wait serve die send expect " +
        "build stay fall cut reach kill remain suggest raise pass sell require report decide pull answer please help explain example model language " +
        "text data code function value result list string file name type class method object key token computer science machine learning network " +
        "server request response message user input output error test user query table column number index array object program memory process " +
        "thread window page image sound color line paragraph sentence question letter book paper story history nature sea mountain river forest " +
        "animal bird fish dog cat horse tree flower garden fire earth air sun moon star sky rain snow wind weather summer winter spring autumn " +
        "morning evening week month hour minute second today tomorrow yesterday early late soon ever often sometimes never quick quickly brown fox " +
        "jump jumps over lazy simple easy difficult hard strong weak fast slow big new different same true false possible impossible likely certain sure " +
        "clear free full empty short tall deep wide near far hot cold warm cool dark bright red blue green black yellow eat drink food bread milk " +
        "money market price cost sale trade bank tax law court judge police army peace king queen president minister party vote election member " +
        "teacher student child children mother father brother sister friend woman women girl boy person doctor health hospital disease body heart " +
        "mind eye ear nose mouth arm leg foot feet finger blood bone skin hair voice feel feeling think reason idea knowledge truth opinion sense " +
        "experience practice theory research study university college education class lesson exam music song art picture film movie game team player " +
        "sport ball race road street car train plane ship boat travel journey town village land field farm island north south east west street build " +
        "building door wall floor roof bed chair kitchen window glass metal wood stone gold silver iron oil gas energy electric engine wheel tool " +
        "matter measure weight size length height speed force pressure temperature degree scale rate percent amount average total sum count zero " +
        "five six seven eight nine ten eleven twelve twenty thirty thousand million billion half quarter third double single plan project design " +
        "develop improve increase decrease reduce support control manage effect cause affect action activity event situation condition position " +
        "return public static void int float double bool string null true false new var const let import export def class self print while break " +
        "continue throw try catch async await using namespace private protected internal struct enum interface";

    private const string Symbols =
        "() // == -> => :: </ /> += -= != <= >= && || ** -- ... [] {} \"\" ', \", ); }; (\" \") (' ') .. :// 's 't 're 've 'll 'm 'd ▁( ▁= ▁- ▁\" ▁' ▁{ ▁+ ▁* ▁/ ▁< ▁> ▁& ▁== ▁=> ▁// ▁– ▁—";

    public static void Teach(PieceLearner learner)
    {
        // Pairs and words mix by how common they are: a small vocabulary then has enough of both.
        var words = Words.Split(' ').Distinct().ToArray();
        foreach (var pair in Pairs.Split(' ').Take(60))
            learner.Learn(pair);
        foreach (var letter in "tasowcbpfhdmilrngeyukvjqxz")
            learner.Learn($"{CharacterPieces.Space}{letter}");
        foreach (var word in words.Take(160))
            learner.Learn(CharacterPieces.Space + word);
        foreach (var text in Pairs.Split(' ').Skip(60).Concat(Endings.Split(' ')).Concat(Symbols.Split(' ')))
            learner.Learn(text);
        foreach (var letter in "TASIWHCBMPFDRLNEGOJKUVYQXZ")
            learner.Learn($"{CharacterPieces.Space}{letter}");
        foreach (var word in words.Skip(160))
            learner.Learn(CharacterPieces.Space + word);
        foreach (var word in words)
        {
            learner.Learn(CharacterPieces.Space + Capitalised(word));
            learner.Learn(word);
            learner.Learn(Capitalised(word));
        }
        foreach (var ending in new[] { "s", "ed", "ing", "er", "ly", "ers", "es", "ment", "tion", "al", "'s" })
        {
            foreach (var word in words)
                learner.Learn(Inflected(word, ending));
        }
    }

    private static string Capitalised(string word) => $"{char.ToUpperInvariant(word[0])}{word.AsSpan(1)}";

    private static string Inflected(string word, string ending) =>
        CharacterPieces.Space + (word[^1] == 'e' && "aeiou".Contains(ending[0], StringComparison.Ordinal) ? word[..^1] : word) + ending;
}
