;; Both hashes of each word of a text, as `word-hashes.ts` says. Words are found 64 bytes at a time and hashed four at a time:
;; what a processor guesses wrong is which letter is a word's last, and so it is asked for once among four words.
;;
;; Memory: first, of each word, where it begins and ends, then in the same place both hashes; after that the text.
(module
  (memory (export "memory") 4)

  ;; How many words the latest stretch has.
  (global $words (export "words") (mut i32) (i32.const 0))

  ;; Of 16 bytes, a bit for each that is a letter or digit of ASCII; where `cut` has ones, for each that is no space.
  (func $letters (param $at i32) (param $cut v128) (result i64)
    (local $bytes v128)
    (local.set $bytes (v128.load (local.get $at)))
    (i64.extend_i32_u (i8x16.bitmask (v128.bitselect
      (i8x16.ne (local.get $bytes) (i8x16.splat (i32.const 0x20)))
      (v128.or
        (i8x16.lt_u (i8x16.sub (local.get $bytes) (i8x16.splat (i32.const 0x30))) (i8x16.splat (i32.const 10)))
        (i8x16.lt_u
          (i8x16.sub (v128.or (local.get $bytes) (i8x16.splat (i32.const 0x20))) (i8x16.splat (i32.const 0x61)))
          (i8x16.splat (i32.const 26))))
      (local.get $cut)))))

  ;; Writes where the words of a stretch begin and end, and 32 bytes of 0. Returns where the next stretch begins: where this one
  ;; ends, or at the word that is open there. One that fills all of it is gone through to its end.
  (func $find (param $from i32) (param $to i32) (param $cut v128) (result i32)
    (local $end i32)
    (local $letters i64)
    (local $edges i64)
    (local $open i64)
    (loop $blocks
      (local.set $letters (i64.or
        (i64.or
          (call $letters (local.get $from) (local.get $cut))
          (i64.shl (call $letters (i32.add (local.get $from) (i32.const 16)) (local.get $cut)) (i64.const 16)))
        (i64.or
          (i64.shl (call $letters (i32.add (local.get $from) (i32.const 32)) (local.get $cut)) (i64.const 32))
          (i64.shl (call $letters (i32.add (local.get $from) (i32.const 48)) (local.get $cut)) (i64.const 48)))))
      ;; Where a letter is after none, or none after a letter.
      (local.set $edges (i64.xor
        (local.get $letters) (i64.or (i64.shl (local.get $letters) (i64.const 1)) (local.get $open))))
      (local.set $open (i64.shr_u (local.get $letters) (i64.const 63)))
      (block $done
        (loop $next
          (br_if $done (i64.eqz (local.get $edges)))
          (i32.store (local.get $end) (i32.add (local.get $from) (i32.wrap_i64 (i64.ctz (local.get $edges)))))
          (local.set $end (i32.add (local.get $end) (i32.const 4)))
          (local.set $edges (i64.and (local.get $edges) (i64.sub (local.get $edges) (i64.const 1))))
          (br $next)))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (br_if $blocks (i32.or
        (i32.lt_u (local.get $from) (local.get $to))
        (i32.eq (local.get $end) (i32.const 4)))))
    (if (i32.and (local.get $end) (i32.const 4)) (then
      (local.set $end (i32.sub (local.get $end) (i32.const 4)))
      (local.set $from (i32.load (local.get $end)))))
    (v128.store (local.get $end) (v128.const i32x4 0 0 0 0))
    (v128.store offset=16 (local.get $end) (v128.const i32x4 0 0 0 0))
    (global.set $words (i32.shr_u (local.get $end) (i32.const 3)))
    (local.get $from))

  ;; Hashes the words of a stretch; returns where the next one begins. After the text there have to be 128 spaces, and as much
  ;; memory as the text is long: of four words each is read as far as the longest one goes.
  (func (export "hash") (param $from i32) (param $to i32) (param $isCut i32) (result i32)
    (local $cut v128)
    (local $lower v128)
    (local $next i32)
    (local $at i32)
    (local $end i32)
    (local $first v128)
    (local $second v128)
    (local $begins v128)
    (local $left v128)
    (local $a i32)
    (local $b i32)
    (local $c i32)
    (local $d i32)
    (local $i i32)
    (local $letters v128)
    (local $letter v128)
    (local $isOver v128)
    (local $hash v128)
    (local $check v128)
    (local.set $cut (i32x4.splat (i32.sub (i32.const 0) (local.get $isCut))))
    (local.set $lower (v128.andnot (i8x16.splat (i32.const 0x20)) (local.get $cut)))
    (local.set $next (call $find (local.get $from) (local.get $to) (local.get $cut)))
    (local.set $end (i32.shl (global.get $words) (i32.const 3)))
    (block $done
      (loop $fours
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $first (v128.load (local.get $at)))
        (local.set $second (v128.load offset=16 (local.get $at)))
        (local.set $begins
          (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $first) (local.get $second)))
        (local.set $left (i32x4.sub
          (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $first) (local.get $second))
          (local.get $begins)))
        (local.set $a (i32x4.extract_lane 0 (local.get $begins)))
        (local.set $b (i32x4.extract_lane 1 (local.get $begins)))
        (local.set $c (i32x4.extract_lane 2 (local.get $begins)))
        (local.set $d (i32x4.extract_lane 3 (local.get $begins)))
        (local.set $hash (i32x4.splat (i32.const 0x811c9dc5)))
        (local.set $check (v128.const i32x4 0 0 0 0))
        (loop $pieces
          (local.set $letters (v128.or
            (local.get $lower)
            (v128.load32_lane 3 (local.get $d) (v128.load32_lane 2 (local.get $c)
              (v128.load32_lane 1 (local.get $b) (v128.load32_zero (local.get $a)))))))
          (local.set $i (i32.const 4))
          (loop $steps
            (local.set $letter (v128.and (local.get $letters) (i32x4.splat (i32.const 0xff))))
            (local.set $isOver (i32x4.le_s (local.get $left) (v128.const i32x4 0 0 0 0)))
            ;; FNV-1a, and a second hash of the same kind.
            (local.set $hash (v128.bitselect
              (local.get $hash)
              (i32x4.mul (v128.xor (local.get $hash) (local.get $letter)) (i32x4.splat (i32.const 0x01000193)))
              (local.get $isOver)))
            (local.set $check (v128.bitselect
              (local.get $check)
              (i32x4.mul (i32x4.add (local.get $check) (local.get $letter)) (i32x4.splat (i32.const 0x5bd1e995)))
              (local.get $isOver)))
            (local.set $letters (i32x4.shr_u (local.get $letters) (i32.const 8)))
            (local.set $left (i32x4.sub (local.get $left) (i32x4.splat (i32.const 1))))
            (br_if $steps (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
          (local.set $a (i32.add (local.get $a) (i32.const 4)))
          (local.set $b (i32.add (local.get $b) (i32.const 4)))
          (local.set $c (i32.add (local.get $c) (i32.const 4)))
          (local.set $d (i32.add (local.get $d) (i32.const 4)))
          (br_if $pieces (v128.any_true (i32x4.gt_s (local.get $left) (v128.const i32x4 0 0 0 0)))))
        ;; FNV's upper bits are those of a word's beginning: all bits shall depend on all letters.
        (local.set $hash (v128.xor (local.get $hash) (i32x4.shr_u (local.get $hash) (i32.const 15))))
        (local.set $hash (i32x4.mul (local.get $hash) (i32x4.splat (i32.const 0x85ebca6b))))
        (local.set $hash (v128.xor (local.get $hash) (i32x4.shr_u (local.get $hash) (i32.const 13))))
        (v128.store (local.get $at)
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $hash) (local.get $check)))
        (v128.store offset=16 (local.get $at)
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $hash) (local.get $check)))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br $fours)))
    (local.get $next)))
